"""Which responses the application has asked for, and which of them the caller shall not interrupt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..dialect.client_messages import ClientMessage, is_uninterruptible
from ..limits import kept_id

MAX_WAITING = 16
_REFUSED = "conversation_already_has_active_response"


@dataclass(frozen=True, slots=True)
class _Request:
    event_id: object
    uninterruptible: bool


class Requests:
    """`response.create`s of the application that nothing has answered yet, the newest MAX_WAITING, oldest first.

    A server shows a response with the metadata that it was asked for with. Until one has been seen to do so in this
    session, responses are taken for the answers to the requests in their order.
    """

    def __init__(self) -> None:
        self._waiting: list[_Request] = []
        self._echoed = False

    def sent(self, message: ClientMessage) -> None:
        self._waiting.append(_Request(kept_id(message.text("event_id")), message.uninterruptible))
        del self._waiting[:-MAX_WAITING]

    def answered(self, metadata: object) -> bool:
        """A response has begun, with these metadata (None: it shows none). Whether it shall not be interrupted."""
        if is_uninterruptible(metadata):
            self._echoed = True
        if self._echoed:
            return is_uninterruptible(metadata)
        return self._waiting.pop(0).uninterruptible if self._waiting else False

    def refused(self, error: Any) -> None:
        """The `error` of a server's message: a request that it answers will have no response."""
        if not isinstance(error, dict):
            return
        event_id = error.get("event_id")
        for request in self._waiting:
            if event_id is not None and request.event_id == event_id:
                self._waiting.remove(request)
                return
        if error.get("code") == _REFUSED and event_id is None and self._waiting:
            del self._waiting[0]
