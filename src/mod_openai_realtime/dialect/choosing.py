"""Which dialect an endpoint speaks, by its address."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from .dialect import Dialect
from .profiles import (
    AZURE,
    INWORLD,
    OPENAI,
    OPENAI_BETA,
    QWEN,
    TRANSCRIPTION,
    TRANSLATION,
    VLLM,
    VOICE_LIVE,
    XAI,
)

_AZURE_DOMAINS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
_TRUE = frozenset({"1", "true", "on"})


def dialect_of(uri: str) -> Dialect:
    """A valid `ws` or `wss` URI. OPENAI where the address says nothing: a host of the user's own may be anything."""
    parts = urlsplit(uri)
    # Azure's paths ignore case.
    host, path = (parts.hostname or "").rstrip("."), parts.path.rstrip("/").lower()
    query = {name.lower(): values[-1] for name, values in parse_qs(parts.query).items()}
    if path.endswith("/realtime/translations"):
        return TRANSLATION
    if path.endswith("/v1/duplex") or query.get("duplex", "").lower() in _TRUE:
        return VLLM
    if _within(host, "openai.com"):
        return TRANSCRIPTION if query.get("intent") == "transcription" else OPENAI
    if host.endswith(_AZURE_DOMAINS):
        return _azure(path, query)
    if _within(host, "x.ai"):
        return XAI
    if host.startswith("dashscope") and host.endswith(".aliyuncs.com"):
        return QWEN
    if _within(host, "inworld.ai"):
        return INWORLD
    return OPENAI


def _azure(path: str, query: dict[str, str]) -> Dialect:
    if path.startswith("/voice-live/"):
        return VOICE_LIVE
    if "api-version" in query or not path.startswith("/openai/v1"):
        return OPENAI_BETA
    return TRANSCRIPTION if query.get("intent") == "transcription" else AZURE


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)
