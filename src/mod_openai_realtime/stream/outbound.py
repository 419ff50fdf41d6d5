"""Messages to the server that are no audio: the application's, and the engine's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..later import Later
from ..realtime.sending import MAX_OWN_UNSENT_BYTES, MAX_UNSENT_BYTES
from ..switch import reasons
from ..switch.refusal import CommandRefusedError


class TextTransport(Protocol):
    @property
    def buffered_bytes(self) -> int: ...
    def send_text(self, payload: bytes, /) -> bool: ...


class Outbound:
    """Bounded: a server that reads nothing keeps waiting what sending.py says, and no more."""

    def __init__(self, transport: TextTransport, later: Later, stuck: Callable[[str], None]) -> None:
        """`stuck`, called in a later turn of the loop: the engine itself cannot say any more what it has to."""
        self._transport = transport
        self._later = later
        self._stuck = stuck

    def application(self, payload: bytes) -> None:
        """Raises CommandRefusedError where there is no connection, or too much waits already."""
        transport = self._transport
        if transport.buffered_bytes + len(payload) > MAX_UNSENT_BYTES:
            raise CommandRefusedError(reasons.TOO_MUCH_UNSENT)
        if not transport.send_text(payload):
            raise CommandRefusedError(reasons.NOT_CONNECTED)

    def own(self, payload: bytes) -> bool:
        """A message of the engine's own; False where it is lost."""
        if self._transport.buffered_bytes + len(payload) > MAX_OWN_UNSENT_BYTES:
            self._later(0, self._check)
            return False
        return self._transport.send_text(payload)

    def _check(self) -> None:
        # There may be another connection by now.
        if self._transport.buffered_bytes > MAX_UNSENT_BYTES:
            self._stuck(f"the server reads nothing: more than {MAX_UNSENT_BYTES} bytes wait to be sent")
