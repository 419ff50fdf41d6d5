"""What an application asked of one server's session, for another server's. Pure functions."""

from __future__ import annotations

from typing import Any

from .dialect import Dialect, Shape

_PLACES: dict[Shape, dict[str, tuple[str, ...]]] = {
    Shape.NESTED: {
        "modalities": ("output_modalities",),
        "detection": ("audio", "input", "turn_detection"),
        "transcription": ("audio", "input", "transcription"),
        "noise": ("audio", "input", "noise_reduction"),
        "voice": ("audio", "output", "voice"),
        "speed": ("audio", "output", "speed"),
        "tokens": ("max_output_tokens",),
    },
    Shape.FLAT: {
        "modalities": ("modalities",),
        "detection": ("turn_detection",),
        "transcription": ("input_audio_transcription",),
        "noise": ("input_audio_noise_reduction",),
        "voice": ("voice",),
        "speed": ("speed",),
        "tokens": ("max_response_output_tokens",),
    },
}
_PLACES[Shape.HALF] = {
    **_PLACES[Shape.NESTED],
    **{name: _PLACES[Shape.FLAT][name] for name in ("detection", "voice")},
}
# What is not here has the same place in all.

_FORMATS = (
    ("audio", "input", "format"),
    ("audio", "output", "format"),
    ("input_audio_format",),
    ("output_audio_format",),
    ("input_audio_sampling_rate",),
)
"""The engine asks each server for these itself."""


def translated(session: dict[str, Any], own: Dialect, other: Dialect) -> dict[str, Any]:
    """`session` as `other` takes it; the application wrote it for `own`. Voice, model and formats are of one vendor
    and one shape, and left out for another."""
    if not session or (own.vendor, own.shape) == (other.vendor, other.shape):
        return session
    result = _copy(session)
    for path in _FORMATS:
        _take(result, path)
    if own.vendor != other.vendor:
        _take(result, ("model",))
        for places in _PLACES.values():
            _take(result, places["voice"])
    found = {name: _take(result, path) for name, path in _PLACES[own.shape].items()}
    for name, value in found.items():
        if value is not _NOTHING:
            _put(result, _PLACES[other.shape][name], _modalities(value, other) if name == "modalities" else value)
    result.pop("type", None)
    return {"type": other.session_type, **result} if other.session_type and result else result


_NOTHING: Any = object()


def _modalities(value: Any, other: Dialect) -> Any:
    """The beta knows no audio without text, and its successor no two."""
    if not isinstance(value, list) or "audio" not in value:
        return value
    return ["text", "audio"] if other.shape is Shape.FLAT else ["audio"]


def _copy(value: Any) -> Any:
    return {name: _copy(each) for name, each in value.items()} if isinstance(value, dict) else value


def _take(session: dict[str, Any], path: tuple[str, ...]) -> Any:
    """What was there, which is gone then, and so are objects that held nothing else."""
    name, *rest = path
    if not rest:
        return session.pop(name, _NOTHING)
    inner = session.get(name)
    if not isinstance(inner, dict):
        return _NOTHING
    found = _take(inner, tuple(rest))
    if not inner:
        del session[name]
    return found


def _put(session: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *places, name = path
    for place in places:
        inner = session.setdefault(place, {})
        if not isinstance(inner, dict):
            return  # no session that any server takes
        session = inner
    session[name] = value
