"""The arguments of `start`, which are also those of the dialplan's application.

The direction may stand anywhere after the URI. What is left keeps its order: URI, mix type (none with `recv`), rates,
`mute_user`. Of several errors the first of these is told: a missing argument, a second direction; then the others from
left to right. `mute_user` ignores case; mix types, directions and the `k` of rates don't.
"""

from __future__ import annotations

import re

from . import reasons
from .command import DEFAULT_RATE, DEFAULT_STREAM, CommandError, Direction, Mix, Start
from .uri import validate_uri

_MIX_START = "<ws-uri> <mono|mixed|stereo> [send-rate] "
FORMS = (
    f"{_MIX_START}[playback-rate] [mute_user] [both] [stream=<name>]",
    f"{_MIX_START}[mute_user] send [stream=<name>]",
    "<ws-uri> recv [playback-rate] [stream=<name>]",
)
NOTE = " (both, send and recv may stand anywhere after the uri)"

_RATES = {"8k": 8000, "16k": 16000, "24k": 24000} | {str(rate): rate for rate in range(8000, 48001, 8000)}
_DIRECTIONS = {direction.value: direction for direction in Direction}
_MUTE_USER = "mute_user"


def parse_start(selector: str | None, words: list[str]) -> Start:
    """Raises CommandError."""
    directions = [_DIRECTIONS[word] for word in words if word in _DIRECTIONS]
    receives_only = Direction.RECV in directions
    if len(words) - len(directions) < (1 if receives_only else 2):
        raise CommandError(reasons.START_NEEDS_URI if receives_only else reasons.START_NEEDS_URI_AND_MIX)
    if len(directions) > 1:
        raise CommandError(reasons.ONE_DIRECTION)
    try:
        uri = validate_uri(words[0])
    except ValueError:
        raise CommandError(reasons.INVALID_URI) from None
    name, explicit = selector or DEFAULT_STREAM, selector is not None
    rest = [word for word in words[1:] if word not in _DIRECTIONS]
    if receives_only:
        return Start(name, explicit, uri, None, Direction.RECV, None, _receive_rate(rest), mute_user=False)

    mix = _mix(rest.pop(0))
    send_rate = _take_rate(rest, reasons.INVALID_SEND_RATE)
    playback_rate = _take_rate(rest, reasons.INVALID_PLAYBACK_RATE) if send_rate is not None else None
    direction = directions[0] if directions else Direction.BOTH
    sends_only = direction is Direction.SEND
    # A stream that plays nothing has no playback rate.
    if [word.lower() for word in rest] not in ([], [_MUTE_USER]) or (sends_only and playback_rate is not None):
        raise CommandError(reasons.UNEXPECTED_START_ARGUMENT)
    return Start(
        stream=name,
        explicit=explicit,
        uri=uri,
        mix=mix,
        direction=direction,
        send_rate=send_rate or DEFAULT_RATE,
        playback_rate=None if sends_only else playback_rate or DEFAULT_RATE,
        mute_user=bool(rest),
    )


def _receive_rate(words: list[str]) -> int:
    """The playback rate, all that may stand with `recv`: without capture there is no mix type and no caller to mute."""
    rate = _take_rate(words, reasons.INVALID_PLAYBACK_RATE)
    if words:
        raise CommandError(reasons.UNEXPECTED_START_ARGUMENT)
    return rate or DEFAULT_RATE


def _mix(word: str) -> Mix:
    try:
        return Mix(word)
    except ValueError:
        raise CommandError(reasons.INVALID_MIX) from None


def _take_rate(words: list[str], reason: str) -> int | None:
    """Remove a rate from the front of `words` if one is there; `reason` is for what is a number, but no rate."""
    if not words or not re.match(r"[-+.]?\d", words[0]):
        return None
    rate = _RATES.get(words.pop(0))
    if rate is None:
        raise CommandError(reason)
    return rate
