"""A stream before it is one."""

from __future__ import annotations

from dataclasses import dataclass

from ..audio.recording_place import Place
from ..realtime.endpoint import EndpointSettings
from ..stream.settings import Settings
from .command import Start


@dataclass(slots=True)
class Opening:
    """A `start` whose media bug is being added."""

    request: int  # 0: the command has its reply; the channel's media is to come
    start: Start
    settings: Settings
    endpoint_settings: EndpointSettings
    temp_dir: str
    recording: Place | None
    application: bool  # it waits for the stream, and wants to know that it came to nothing
