"""What the channels of a worker share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..audio.file_quota import FileQuota
from ..in_hand import NOBODYS, InHand
from ..later import Later
from ..observe.usage import Usage
from ..pilot.agent_calls import AgentCalls
from ..realtime.endpoint import Endpoint, EndpointListener, EndpointSettings
from ..stream.stream import Stream

if TYPE_CHECKING:
    from .channel import Channel


class TickedStreams(Protocol):
    """What the media clock ticks."""

    def add(self, stream: Stream, in_hand: InHand, /) -> None: ...
    def discard(self, stream: Stream, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    make_endpoint: Callable[[EndpointSettings, EndpointListener, InHand], Endpoint]
    executor: Executor  # one thread, so that files are written in order
    streams: TickedStreams
    forget: Callable[[Channel], None]
    settled: Callable[[], None]  # a channel has no stream left
    admit: Callable[[], bool]  # whether the engine takes one stream more
    usage: Usage  # of all streams there are and have been
    later: Later
    file_quota: FileQuota = field(default_factory=FileQuota)
    recordings_dirs: tuple[Path, ...] = ()  # besides FreeSWITCH's own
    agents: AgentCalls | None = None  # None: the engine was started without any
    in_hand: Callable[[str], InHand] = lambda uuid: NOBODYS  # of the channel of that uuid
    is_deadly: Callable[[str], bool] = lambda uuid: False  # workers have died of that channel
