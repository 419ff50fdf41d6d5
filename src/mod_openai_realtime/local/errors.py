"""Errors that a client's event can cause. They go to the client as an `error` event, and the session stays open."""

from typing import Any


class RequestError(Exception):
    """The client's event can't be carried out.

    `code` and `param` are those of the event's `error` object; `param` is a path such as `session.audio.input.format`.
    """

    type = "invalid_request_error"

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


def error_body(error: RequestError, client_event_id: str | None = None) -> dict[str, Any]:
    """The `error` object for a failed client event, with the event's own id if it had one."""
    return {
        "type": error.type,
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "event_id": client_event_id,
    }
