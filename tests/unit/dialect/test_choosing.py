"""Which dialect an address tells of."""

from __future__ import annotations

import pytest

from mod_openai_realtime.dialect.choosing import dialect_of


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1", "openai"),
        ("wss://eu.api.openai.com/v1/realtime?model=m", "openai"),
        ("WSS://API.OpenAI.com/v1/realtime?model=m", "openai"),
        ("wss://api.openai.com/v1/realtime?intent=transcription", "openai-transcription"),
        ("wss://api.openai.com/v1/realtime/translations?model=gpt-realtime-translate", "openai-translation"),
        ("ws://127.0.0.1:8080/v1/realtime/translations", "openai-translation"),
        ("wss://r.openai.azure.com/openai/v1/realtime?model=d", "azure"),
        ("wss://r.openai.azure.com/openai/v1/realtime?intent=transcription", "openai-transcription"),
        ("wss://r.services.ai.azure.com/openai/v1/realtime?model=d", "azure"),
        ("wss://r.openai.azure.com/openai/v1/realtime?model=d&api-version=2024-10-01-preview", "openai-beta"),
        ("wss://r.openai.azure.com/openai/realtime?api-version=2024-10-01-preview&deployment=d", "openai-beta"),
        ("wss://r.services.ai.azure.com/voice-live/realtime?api-version=2026-07-15&model=m", "voice-live"),
        ("wss://r.cognitiveservices.azure.com/voice-live/realtime?api-version=2026-07-15&model=m", "voice-live"),
        ("wss://api.x.ai/v1/realtime?model=grok-voice-latest", "xai"),
        ("wss://dashscope-intl.aliyuncs.com/api-ws/v1/realtime?model=qwen3-omni-flash-realtime", "qwen"),
        ("wss://dashscope.aliyuncs.com/api-ws/v1/realtime?model=m", "qwen"),
        ("ws://gpu:8099/v1/realtime?duplex=1", "vllm"),
        ("ws://gpu:8099/v1/realtime?model=m&duplex=true", "vllm"),
        ("ws://gpu:8099/v1/duplex", "vllm"),
        ("ws://gpu:8099/v1/realtime?duplex=0", "openai"),
        ("wss://api.inworld.ai/api/v1/realtime/session?key=k&protocol=realtime", "inworld"),
        ("wss://R.OpenAI.Azure.com:443/OpenAI/v1/realtime?model=d", "azure"),
        ("wss://r.services.ai.azure.com./Voice-Live/realtime", "voice-live"),
        ("ws://127.0.0.1:8080/v1/realtime?model=any", "openai"),
        ("ws://[::1]:8080/v1/realtime", "openai"),
        ("ws://host", "openai"),
        # None of these is the host that it looks like.
        ("wss://notx.ai/v1/realtime", "openai"),
        ("wss://x.ai.example.com/v1/realtime", "openai"),
        ("wss://openai.azure.com.example.com/voice-live/realtime", "openai"),
        ("ws://127.0.0.1/v1/realtime?intent=transcription", "openai"),
    ],
)
def test_an_address_tells_what_is_spoken_there(uri: str, name: str) -> None:
    assert dialect_of(uri).name == name
