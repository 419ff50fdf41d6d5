"""What a stream needs of the channel that it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..dialect.messages import ServerMessage
from ..later import Timer
from .state import EndReason

if TYPE_CHECKING:
    from .stream import Stream


class StreamOwner(Protocol):
    """The channel, as a stream sees it."""

    def event(self, stream: Stream, subclass: str, body: bytes) -> None: ...
    def log(self, stream: Stream, level: int, text: str) -> None: ...
    def audio_file(self, stream: Stream, pcm: bytes, rate: int, message: ServerMessage | None) -> None: ...
    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        """Calls the function after so many seconds, unless the timer is cancelled."""

    def keep(self, stream: Stream, kept: bytes) -> None:
        """For an engine that comes after this one, in place of what was kept before."""

    def stream_ended(self, stream: Stream, reason: EndReason) -> None:
        """The stream wants nothing more of the channel; its media bug may go."""

    def stream_gone(self, stream: Stream) -> None:
        """Its WebSocket is closed too. The last call."""
