"""Whether a client may connect: path, key, and what the behaviour says."""

import hmac
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from .behaviour import Behaviour
from .settings import DEFAULT_MODEL

PATH = "/v1/realtime"
_PATHS = (PATH, "/openai/v1/realtime")


def refusal(request: Request, behaviour: Behaviour, api_key: str | None) -> Response | None:
    """The answer to a client that may not connect, None for one that may."""
    if behaviour.refuse_status is not None:
        return _answer(behaviour.refuse_status, "refused_by_script", "Refused as scripted.", behaviour.refuse_headers)
    if not behaviour.raw and urlsplit(request.path).path not in _PATHS:
        return _answer(404, "not_found", f"The Realtime API is at {PATH}.")
    if api_key is not None and not _has_key(request.headers, api_key):
        return _answer(401, "invalid_api_key", "The API key is missing or wrong.")
    return None


def model_of(path: str) -> str:
    """The model that the query asks for."""
    return parse_qs(urlsplit(path).query).get("model", [DEFAULT_MODEL])[0]


def asks_for_beta(headers: Headers) -> bool:
    return any("realtime=v1" in value for value in headers.get_all("OpenAI-Beta"))


def _has_key(headers: Headers, api_key: str) -> bool:
    given = [value.removeprefix("Bearer ") for value in headers.get_all("Authorization") if value.startswith("Bearer ")]
    given += headers.get_all("api-key")
    return any(hmac.compare_digest(each.encode(), api_key.encode()) for each in given)


def _answer(status: int, code: str, message: str, more: tuple[tuple[str, str], ...] = ()) -> Response:
    body = orjson.dumps({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}})
    headers = Headers(
        [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close"), *more]
    )
    known = {each.value: each.phrase for each in HTTPStatus}
    return Response(status, known.get(status, "Refused"), headers, body)
