"""The official SDK's types as judges of every message of the Realtime API: strictly so, and with no field more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent, RealtimeSessionCreateResponse
from pydantic import BaseModel, TypeAdapter

# The service names them in the session of an event too. The SDK's type for that is the one of the client's request,
# which lacks them; they are judged by the SDK's type for a session that the service has made.
_MADE_BY_THE_SERVICE = {
    name: TypeAdapter(RealtimeSessionCreateResponse.model_fields[name].annotation) for name in ("id", "expires_at")
}
_SESSION_OBJECTS = {"realtime": "realtime.session", "transcription": "realtime.transcription_session"}


class UnknownFieldError(AssertionError):
    """The message has fields that the SDK's types don't know."""


def _by_name(union: Any) -> dict[str, type[BaseModel]]:
    """The members of an annotated union of the SDK's by the `type` that each is for."""
    members = get_args(get_args(union)[0])
    return {name: member for member in members for name in get_args(member.model_fields["type"].annotation)}


_SERVER = _by_name(RealtimeServerEvent)
_CLIENT = _by_name(RealtimeClientEvent)
SERVER_EVENTS = frozenset(_SERVER)
CLIENT_EVENTS = frozenset(_CLIENT)


def check_server_event(event: dict[str, Any]) -> None:
    """Raises ValidationError (of pydantic) or UnknownFieldError."""
    if event.get("type") in ("session.created", "session.updated"):
        event = {**event, "session": _without_what_the_service_adds(event["session"])}
    _check(_SERVER, event)


def check_client_event(event: dict[str, Any]) -> None:
    """Raises ValidationError (of pydantic) or UnknownFieldError."""
    _check(_CLIENT, event)


def _without_what_the_service_adds(session: dict[str, Any]) -> dict[str, Any]:
    for name, adapter in _MADE_BY_THE_SERVICE.items():
        adapter.validate_python(session[name], strict=True)
    assert session["object"] == _SESSION_OBJECTS[session["type"]]
    return {name: value for name, value in session.items() if name not in (*_MADE_BY_THE_SERVICE, "object")}


def _check(members: dict[str, type[BaseModel]], event: dict[str, Any]) -> None:
    assert event["type"] in members, f"the SDK knows no event {event['type']!r}"
    model = members[event["type"]].model_validate(event, strict=True)
    unknown = list(_unknown_fields(model, event["type"]))
    if unknown:
        raise UnknownFieldError(", ".join(unknown))


def _unknown_fields(model: Any, path: str) -> Iterator[str]:
    if isinstance(model, BaseModel):
        for name in model.model_extra or {}:
            yield f"{path}.{name}"
        for name in type(model).model_fields:
            yield from _unknown_fields(getattr(model, name), f"{path}.{name}")
    elif isinstance(model, list):
        for index, each in enumerate(model):
            yield from _unknown_fields(each, f"{path}[{index}]")
