"""OpenAI's other sessions, and Azure's OpenAI."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Response

from ..client_secrets import ClientSecrets
from ..errors import RequestError
from ..handshake import Shut, Wish, answer
from .mimic import EndingOutlet, Event, Mimic
from .translating import Translating


class Azure(Mimic):
    """The same as OpenAI, at a path of its own; an `api-version` means the beta, which is another server."""

    name = "azure"
    paths = ("/openai/v1/realtime",)
    query = ("model",)

    def refusal(self, path: str, headers: Headers, api_key: str | None, secrets: ClientSecrets) -> Response | None:
        if "api-version" in parse_qs(urlsplit(path).query):
            return answer(404, "not_found", "With an api-version this is the beta: --dialect openai-beta.")
        return super().refusal(path, headers, api_key, secrets)


class Transcription(Mimic):
    """It only writes down, and does nothing with audio before it was told with which model."""

    name = "openai-transcription"
    example = "?intent=transcription"

    def __init__(self) -> None:
        super().__init__()
        self._configured = False

    def wish(self, path: str, headers: Headers, secrets: ClientSecrets) -> Wish | Shut:
        query = parse_qs(urlsplit(path).query)
        if query.get("intent") != ["transcription"] or "model" in query:
            return Shut(RequestError("invalid_parameter", "The query is intent=transcription, and has no model."))
        return super().wish(path, headers, secrets)

    def incoming(self, event: Any) -> Event | None:
        good = super().incoming(event)
        assert good is not None
        if good["type"] == "session.update":
            given = good["session"].get("audio", {}).get("input", {})
            self._configured = self._configured or bool((given.get("transcription") or {}).get("model"))
        elif good["type"] == "input_audio_buffer.append" and not self._configured:
            raise RequestError("missing_model", "The session has no transcription model.", "session.audio.input")
        return good


class Translation(Mimic):
    """Another protocol, with an interpreter behind it that beeps."""

    name = "openai-translation"
    example = "?model=gpt-realtime-translate"
    paths = ("/v1/realtime/translations",)
    query = ("model",)

    def own_session(self, outlet: EndingOutlet, path: str) -> Translating:
        return Translating(outlet, parse_qs(urlsplit(path).query)["model"][0])
