"""The connection in use: the same to all who send, while one endpoint follows upon another."""

from __future__ import annotations

from ..realtime.endpoint import Endpoint
from ..realtime.sending import SendBuffer


class Line:
    """Stands for a stream's present endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._reading_paused: set[str] = set()

    def switch(self, successor: Endpoint) -> None:
        """Another is in use from now on, and tells the stream; the present one is closed, after all that was sent."""
        old, self._endpoint = self._endpoint, successor
        old.hand_over(successor)
        for reason in self._reading_paused:
            successor.pause_reading(reason)

    @property
    def connected(self) -> bool:
        return self._endpoint.connected

    @property
    def server(self) -> int:
        return self._endpoint.server

    @property
    def peer(self) -> str:
        return self._endpoint.peer

    @property
    def buffered_bytes(self) -> int:
        return self._endpoint.buffered_bytes

    @property
    def send_buffer(self) -> SendBuffer | None:
        return self._endpoint.send_buffer

    def start(self) -> None:
        self._endpoint.start()

    def stop(self, code: int, reason: str) -> None:
        self._endpoint.stop(code, reason)

    def send_text(self, payload: bytes) -> bool:
        return self._endpoint.send_text(payload)

    def send_binary(self, payload: bytes) -> bool:
        return self._endpoint.send_binary(payload)

    def fail_connection(self, reason: str) -> float:
        return self._endpoint.fail_connection(reason)

    def pause_reading(self, reason: str) -> None:
        self._reading_paused.add(reason)
        self._endpoint.pause_reading(reason)

    def resume_reading(self, reason: str) -> None:
        self._reading_paused.discard(reason)
        self._endpoint.resume_reading(reason)
