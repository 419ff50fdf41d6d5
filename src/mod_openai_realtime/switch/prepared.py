"""What a `start` asks for, checked before the channel is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..audio.recording_place import Place, PlaceError, find_place
from ..realtime.endpoint import EndpointSettings, HeaderError
from ..realtime.tls import TlsSettingsError, make_context
from ..stream.piloting import NOBODY, Piloting
from ..stream.settings import Settings, SettingsError
from .channel_facts import what_to_capture
from .command import Direction, Start
from .default_key import stream_variables
from .refusal import CommandRefusedError


@dataclass(frozen=True, slots=True)
class Prepared:
    """Whoever opens a stream makes one of these: a command does, and an agent may."""

    start: Start
    settings: Settings
    endpoint: EndpointSettings
    temp_dir: str = ""
    """For audio files; "": none are written."""
    recording: Place | None = None
    needs_connection: bool = False
    piloting: Piloting = NOBODY
    """See StreamPlan."""

    def opening_fields(self) -> dict[str, str]:
        """Of OPEN."""
        return {
            "name": self.start.stream,
            "capture": what_to_capture(self.start, recorded=self.recording is not None),
            "playback": "0" if self.start.direction is Direction.SEND else "1",
            "record": "1" if self.recording is not None else "0",
        }


def prepare(start: Start, fields: dict[str, str], recordings_dirs: tuple[Path, ...]) -> tuple[Prepared, list[str]]:
    """And what is to be warned of. `fields`: of the COMMAND; `recordings_dirs`: where recordings may lie, besides
    FreeSWITCH's own folder. Raises CommandRefusedError."""
    try:
        settings, warnings = Settings.read(stream_variables(start.uri, fields), raw_api=fields.get("api") == "raw")
        endpoint = EndpointSettings(
            uri=start.uri,
            failover=settings.failover,
            headers=settings.headers,
            deflate=settings.deflate,
            heart_beat_s=settings.heart_beat_s,
            reconnect=settings.reconnect,
            tls=settings.tls,
        )
        if any(uri[:4].lower() == "wss:" for uri in (start.uri, *settings.failover)):
            make_context(settings.tls)
    except (SettingsError, TlsSettingsError, HeaderError) as error:
        raise CommandRefusedError(str(error)) from None
    recording, unrecorded = _place_for(settings, fields, recordings_dirs)
    prepared = Prepared(
        start,
        settings,
        endpoint,
        temp_dir=fields.get("temp_dir", ""),
        recording=recording,
        # An application in the dialplan waits for the stream, and wants to know that it came to nothing.
        needs_connection=fields.get("application") == "1",
    )
    return prepared, warnings + unrecorded


def _place_for(
    settings: Settings, fields: Mapping[str, str], allowed: Sequence[Path]
) -> tuple[Place | None, list[str]]:
    """Where a stream is recorded, None for nowhere, and what to warn of. `fields`: the channel's facts."""
    if not settings.record:
        return None, []
    try:
        return find_place(settings.record_path, fields.get("recordings_dir", ""), allowed), []
    except PlaceError as error:
        return None, [f"not recorded: STREAM_RECORD {error}"]
