"""Where a session's events go."""

from typing import Any, Protocol


class Outlet(Protocol):
    """The connection, as the session sees it. Events leave in the order of `emit`."""

    def emit(self, event: dict[str, Any]) -> None:
        """Sends an event; gives it an event_id if it has none. Never blocks."""

    async def drained(self) -> None:
        """Returns when few messages wait to be sent: whoever sends much awaits this, so that the queue stays short."""
