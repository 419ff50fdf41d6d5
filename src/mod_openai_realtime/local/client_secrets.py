"""Short-lived keys for clients that may not have the real one: POST /v1/realtime/client_secrets."""

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson

from .errors import RequestError
from .ids import new_id
from .schema import choice, fields, integer
from .session_schema import SESSION
from .settings import DEFAULT_MODEL, SessionSettings

PATH = "/v1/realtime/client_secrets"
_USUAL_S = 600
_BODY = fields(
    {
        "expires_after": fields({"anchor": choice("created_at"), "seconds": integer(10, 7200)}),
        "session": SESSION,
    }
)


class ClientSecrets:
    """Which there are, and the session that each is for.

    In `folder`, if it is given, the processes that share it know each other's.
    """

    def __init__(
        self, folder: Path | None = None, *, session_limit_s: float = 3600.0, now: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._session_limit_s = session_limit_s
        self._now = now
        self._known: dict[str, bytes] = {}

    def answer(self, body: bytes | None) -> tuple[int, dict[str, Any]]:
        """Status and body for a request with this body."""
        try:
            return HTTPStatus.OK, self.create(_parsed(body))
        except RequestError as error:
            details = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
            return HTTPStatus.BAD_REQUEST, {"error": details}

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Raises RequestError."""
        good = _BODY(asked, "")
        changes = good.get("session", {"type": "realtime"})
        expires_at = int(self._now()) + good.get("expires_after", {}).get("seconds", _USUAL_S)
        session = _settings(changes, int(self._now() + self._session_limit_s)).as_json()
        value = new_id("ek")
        self._forget_old()
        self._put(_name(value), orjson.dumps({"expires_at": expires_at, "session": changes}))
        return {"value": value, "expires_at": expires_at, "session": session}

    def session_of(self, value: str) -> dict[str, Any] | None:
        """What a session opened with this secret begins with; None where it is none, or is not good any more."""
        kept = self._get(_name(value))
        secret: dict[str, Any] | None = orjson.loads(kept) if kept else None
        if secret is None or secret["expires_at"] <= self._now():
            return None
        session: dict[str, Any] = secret["session"]
        return session

    def _put(self, name: str, content: bytes) -> None:
        if self._folder is None:
            self._known[name] = content
        else:
            (self._folder / name).write_bytes(content)

    def _get(self, name: str) -> bytes | None:
        if self._folder is None:
            return self._known.get(name)
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return None

    def _forget_old(self) -> None:
        now = self._now()
        self._known = {name: each for name, each in self._known.items() if orjson.loads(each)["expires_at"] > now}


def _settings(changes: dict[str, Any], expires_at: int) -> SessionSettings:
    transcribing = changes["type"] == "transcription"
    settings = SessionSettings(
        new_id("sess"), changes.get("model", DEFAULT_MODEL), expires_at, transcribing=transcribing
    )
    settings.update(changes, voice_is_fixed=False)
    return settings


def _name(value: str) -> str:
    """What is kept tells nobody the secret."""
    return hashlib.sha256(value.encode()).hexdigest()


def _parsed(body: bytes | None) -> dict[str, Any]:
    if body is None:
        raise RequestError("invalid_request", "The body is longer than 1 MiB, or the request is no HTTP.")
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise RequestError("invalid_json", "We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise RequestError("invalid_type", "The body must be a JSON object.")
    return value
