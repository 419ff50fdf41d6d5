"""What a stream needs of the channel that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..later import Later
from .state import EndReason

if TYPE_CHECKING:
    from .stream import Stream


class StreamOwner(Protocol):
    """What ties one stream to its channel."""

    def event(self, subclass: str, body: bytes, /) -> None: ...
    def log(self, level: int, text: str, /) -> None: ...
    @property
    def later(self) -> Later: ...
    def keep(self, kept: bytes, /) -> None:
        """For an engine that comes after this one, in place of what was kept before."""

    def stream_ended(self, stream: Stream, reason: EndReason, /) -> None:
        """The stream wants nothing more of the channel; its media bug may go."""

    def stream_gone(self, stream: Stream, /) -> None:
        """Its WebSocket is closed too. The last call."""
