"""Whether a client may connect, and what it asks for: path, model, key, subprotocols, and what the behaviour says."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Response

from .behaviour import Behaviour
from .client_secrets import ClientSecrets
from .errors import RequestError
from .settings import DEFAULT_MODEL

PATH = "/v1/realtime"
_PATHS = (PATH, "/openai/v1/realtime")
SUBPROTOCOL = "realtime"
# A browser has no header of its own for its key.
_KEY_SUBPROTOCOL = "openai-insecure-api-key."
_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
_TRANSCRIPTION = "transcription"
_CLOSED = 4000


@dataclass(frozen=True)
class Shut:
    """A connection that gets one error, and is closed then, as the service does with what it can't serve."""

    error: RequestError
    close_code: int = _CLOSED

    @property
    def close_reason(self) -> str:
        return f"{self.error.type}.{self.error.code}"


@dataclass(frozen=True)
class Wish:
    """What session the client asks for."""

    model: str
    transcribing: bool = False
    session: Mapping[str, Any] | None = None
    """The settings that its client secret stands for."""


def refusal(
    path: str, headers: Headers, behaviour: Behaviour, api_key: str | None, secrets: ClientSecrets
) -> Response | None:
    """The answer to a client that may not connect, None for one that may."""
    if behaviour.refuse_status is not None:
        return answer(behaviour.refuse_status, "refused_by_script", "Refused as scripted.", behaviour.refuse_headers)
    if not behaviour.raw and urlsplit(path).path.rstrip("/") not in _PATHS:
        return answer(404, "not_found", f"The Realtime API is at {PATH}.")
    return key_refusal(headers, api_key, secrets)


def key_refusal(headers: Headers, api_key: str | None, secrets: ClientSecrets | None) -> Response | None:
    """`secrets` None: a client secret won't do."""
    if api_key is None:
        return None
    given = keys(headers)
    if any(hmac.compare_digest(each.encode(), api_key.encode()) for each in given):
        return None
    if secrets is not None and any(secrets.session_of(each) is not None for each in given):
        return None
    return answer(401, "invalid_api_key", "The API key is missing or wrong.")


def wish(path: str, headers: Headers, secrets: ClientSecrets) -> Wish | Shut:
    """What the session is to be."""
    if _asks_for_beta(headers):
        message = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
        return Shut(RequestError("beta_api_shape_disabled", message))
    query = parse_qs(urlsplit(path).query)
    model = query.get("model", [""])[0]
    session = next(filter(None, (secrets.session_of(each) for each in keys(headers))), None)
    if session is not None:
        transcribing = session["type"] == _TRANSCRIPTION
        return Wish(session.get("model") or model or DEFAULT_MODEL, transcribing, session)
    if query.get("intent", [""])[0] == _TRANSCRIPTION:
        return Wish(model, transcribing=True)
    if not model:
        return Shut(RequestError("missing_model", "You must provide a model parameter."))
    return Wish(model)


def offered(headers: Headers) -> list[str]:
    """The client's subprotocols."""
    return [each.strip() for line in headers.get_all("Sec-WebSocket-Protocol") for each in line.split(",")]


def chosen(subprotocols: Sequence[str]) -> str | None:
    """A client that offers `realtime` fails where it isn't chosen; the others are its way to say something else."""
    return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None


def keys(headers: Headers) -> list[str]:
    """All keys that the client sends, from wherever it does."""
    given = [value.removeprefix("Bearer ") for value in headers.get_all("Authorization") if value.startswith("Bearer ")]
    given += headers.get_all("api-key")
    return given + [
        each.removeprefix(_KEY_SUBPROTOCOL) for each in offered(headers) if each.startswith(_KEY_SUBPROTOCOL)
    ]


def _asks_for_beta(headers: Headers) -> bool:
    said = any("realtime=v1" in value for value in headers.get_all("OpenAI-Beta"))
    return said or _BETA_SUBPROTOCOL in offered(headers)


def answer(status: int, code: str, message: str, more: tuple[tuple[str, str], ...] = ()) -> Response:
    """An HTTP answer with the service's kind of error in it."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return answer_json(status, {"error": error}, more)


def answer_json(status: int, value: Any, more: tuple[tuple[str, str], ...] = ()) -> Response:
    body = orjson.dumps(value)
    headers = Headers(
        [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close"), *more]
    )
    known = {each.value: each.phrase for each in HTTPStatus}
    return Response(status, known.get(status, "Refused"), headers, body)
