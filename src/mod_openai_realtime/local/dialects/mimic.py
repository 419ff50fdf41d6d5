"""How another server's wire differs from that of the session behind it: what it takes, what it refuses, what it says.

The facts here are the local endpoint's own, gathered from the sources that docs/reference/dialects.md names, and not
those of the engine: a wrong one in either is found by the other.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Response

from ..behaviour import Behaviour
from ..client_events import checked
from ..client_secrets import ClientSecrets
from ..errors import RequestError
from ..handshake import Shut, Wish, answer, key_refusal, wish
from ..recording import Message

Event = dict[str, Any]


class EndingOutlet(Protocol):
    """The connection, as a session of another protocol sees it."""

    def emit(self, event: Event) -> None: ...
    def end_after_queue(self, code: int, reason: str) -> None: ...


class OwnSession(Protocol):
    """`open` first, then `handle` for each message in order, then `close`."""

    def open(self) -> None: ...
    async def handle(self, message: Message, /) -> None: ...
    async def close(self) -> None: ...


class Mimic:
    """One connection's. This one is OpenAI's server itself."""

    name = "openai"
    paths: tuple[str, ...] = ("/v1/realtime", "/openai/v1/realtime")
    query: tuple[str, ...] = ()
    """What has to be in the URI's."""
    example = "?model=gpt-realtime-2.1"
    """Of a query that will do."""
    greets = True
    """False: the session is shown only after its first update."""

    def __init__(self) -> None:
        self.tell: Callable[[Event], None] = lambda event: None
        """Sends an event as it is."""

    # -- the handshake

    def refusal(self, path: str, headers: Headers, api_key: str | None, secrets: ClientSecrets) -> Response | None:
        """The answer to a client that may not connect, None for one that may."""
        if urlsplit(path).path.rstrip("/") not in self.paths:
            return answer(404, "not_found", f"This server is at {self.paths[0]}.")
        given = parse_qs(urlsplit(path).query)
        for name in self.query:
            if not given.get(name, [""])[0]:
                return answer(400, "missing_parameter", f"The query has no {name}.")
        return self.key_refusal(path, headers, api_key, secrets)

    def key_refusal(self, path: str, headers: Headers, api_key: str | None, secrets: ClientSecrets) -> Response | None:
        return key_refusal(headers, api_key, secrets)

    def wish(self, path: str, headers: Headers, secrets: ClientSecrets) -> Wish | Shut:
        """What session the client asks for, or what it is told before the connection is closed."""
        return wish(path, headers, secrets)

    def behaviour(self, behaviour: Behaviour) -> Behaviour:
        """As it was told to behave, with its own ways."""
        return behaviour

    def own_session(self, outlet: EndingOutlet, path: str) -> OwnSession | None:
        """Where the protocol is another one."""
        return None

    # -- the session

    def begins_with(self) -> dict[str, Any]:
        """The settings behind that differ from OpenAI's."""
        return {}

    def incoming(self, event: Any) -> Event | None:
        """What the session behind is to do; None: nothing. Raises RequestError for what is refused."""
        return checked(event)

    def outgoing(self, event: Event) -> list[Event]:
        """What the client gets of an event of the session behind."""
        return [event]


class Compatible(Mimic):
    """Of a server of another make: it has a session of its own to show, and takes no more than it knows."""

    known: frozenset[str] = frozenset()
    """Types of a client's events."""
    needs_update = False
    """Audio before the first update is refused."""
    renamed: ClassVar[dict[str, str | None]] = {}
    """Its name for events of the session behind; None: it has none."""

    def __init__(self) -> None:
        super().__init__()
        self.session: dict[str, Any] = self.first_session()
        self.updated = False

    def first_session(self) -> dict[str, Any]:
        """As it is shown."""
        return {}

    def take_update(self, session: Any) -> dict[str, Any]:
        """Checks an update, keeps what it shows of it, and returns what it means for the session behind."""
        raise NotImplementedError

    def wish(self, path: str, headers: Headers, secrets: ClientSecrets) -> Wish | Shut:
        return Wish(parse_qs(urlsplit(path).query).get("model", ["local"])[0])

    def incoming(self, event: Any) -> Event | None:
        kind = event.get("type") if isinstance(event, dict) else None
        if kind not in self.known:
            raise self.unknown(kind)
        if kind == "session.update":
            changes = self.take_update(event.get("session"))
            self.updated = True
            return {"type": kind, "session": {"type": "realtime", **changes}}
        if kind == "input_audio_buffer.append" and self.needs_update and not self.updated:
            raise RequestError("session_not_configured", "Audio comes before the first session.update.", "type")
        return self.changed(event)

    def unknown(self, kind: Any) -> RequestError:
        names = ", ".join(sorted(self.known))
        return RequestError("invalid_value", f"Invalid value: {kind!r}. Supported values are: {names}.", "type")

    def changed(self, event: Event) -> Event | None:
        """A known event that is no update, as the session behind takes it."""
        return checked(event)

    def outgoing(self, event: Event) -> list[Event]:
        kind = event["type"]
        if kind in ("session.created", "session.updated"):
            shown = {name: event["session"][name] for name in ("id", "object", "model")}
            return [{**event, "session": {**shown, **deepcopy(self.session)}}]
        name = self.renamed.get(kind, kind)
        return [] if name is None else [{**event, "type": name}]


def one_delta(behaviour: Behaviour) -> Behaviour:
    """The whole answer comes in a single delta."""
    return replace(behaviour, pacing=replace(behaviour.pacing, delta_ms=600_000, speed=None))


def pcm(rate: int) -> dict[str, Any]:
    """The format of the session behind."""
    return {"type": "audio/pcm", "rate": rate}


def rates(capture: int, playback: int) -> dict[str, Any]:
    """Of the session behind."""
    return {"audio": {"input": {"format": pcm(capture)}, "output": {"format": pcm(playback)}}}


_VAD = ("threshold", "prefix_padding_ms", "silence_duration_ms", "create_response", "interrupt_response")


def behind(session: dict[str, Any]) -> dict[str, Any]:
    """What a flat, checked session means for the one behind; formats and voice are left out."""
    result: dict[str, Any] = {}
    for name in ("instructions", "tools", "tool_choice"):
        if session.get(name) is not None:
            result[name] = session[name]
    if "modalities" in session:
        result["output_modalities"] = ["audio"] if "audio" in session["modalities"] else ["text"]
    given: dict[str, Any] = {}
    if "turn_detection" in session:
        detection = session["turn_detection"]
        used = {name: detection[name] for name in _VAD if name in detection} if detection else {}
        given["turn_detection"] = {"type": "server_vad", **used} if detection else None
    if "input_audio_transcription" in session:
        wanted = session["input_audio_transcription"]
        given["transcription"] = {"model": "gpt-4o-transcribe"} if wanted else None
    if given:
        result["audio"] = {"input": given}
    return result


def joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Objects member by member, all else by the second."""
    result = dict(first)
    for name, value in second.items():
        before = result.get(name)
        result[name] = joined(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result
