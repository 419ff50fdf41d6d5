"""What the servers refuse that the local endpoint plays, and how they write what they say."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.datastructures import Headers

from mod_openai_realtime.dialect.profiles import PROFILES
from mod_openai_realtime.local.client_secrets import ClientSecrets
from mod_openai_realtime.local.dialects import MIMICS
from mod_openai_realtime.local.dialects.mimic import Mimic
from mod_openai_realtime.local.errors import RequestError

FLAT_UPDATE = {"type": "session.update", "session": {"instructions": "x"}}
UPDATES: dict[str, dict[str, Any]] = {
    "openai": {"type": "session.update", "session": {"type": "realtime"}},
    "vllm": {"type": "session.update", "session": {"model": "m"}},
    "inworld": {"type": "session.update", "session": {"type": "realtime"}},
}
APPEND = {"type": "input_audio_buffer.append", "audio": "AAAA"}
TRUNCATE = {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 10}


def mimic(name: str, *, updated: bool = False) -> Mimic:
    made = MIMICS[name]()
    if updated:
        made.incoming(UPDATES.get(name, FLAT_UPDATE))
    return made


def session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": fields}


def nested(side: str, **fields: Any) -> dict[str, Any]:
    return {"audio": {side: fields}}


def test_the_engine_and_the_local_endpoint_know_the_same_servers() -> None:
    assert set(MIMICS) == set(PROFILES)


@pytest.mark.parametrize("name", MIMICS)
def test_a_client_that_is_as_the_example_says_may_connect(name: str) -> None:
    made = mimic(name)
    path = made.paths[0] + made.example
    assert made.refusal(path, Headers(), None, ClientSecrets()) is None
    assert made.refusal("/v2/other" + made.example, Headers(), None, ClientSecrets()).status_code == 404  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("azure", "/openai/v1/realtime?model=m&api-version=1"),
        ("azure", "/openai/v1/realtime"),
        ("voice-live", "/voice-live/realtime?model=m"),
        ("voice-live", "/voice-live/realtime?api-version=1"),
        ("qwen", "/api-ws/v1/realtime"),
        ("vllm", "/v1/realtime?duplex=0"),
        ("localai", "/v1/realtime"),
        ("speaches", "/v1/realtime"),
        ("inworld", "/api/v1/realtime/session?protocol=realtime"),
        ("inworld", "/api/v1/realtime/session?key=k&protocol=other"),
        ("openai-translation", "/v1/realtime/translations"),
    ],
)
def test_a_client_that_asks_otherwise_may_not(name: str, path: str) -> None:
    assert mimic(name).refusal(path, Headers(), None, ClientSecrets()) is not None


@pytest.mark.parametrize(
    ("name", "header", "status"),
    [
        ("openai", ("Authorization", "Bearer right"), 0),
        ("azure", ("api-key", "right"), 0),
        ("inworld", ("Authorization", "Basic right"), 0),
        ("inworld", ("Authorization", "Basic wrong"), 401),
        ("xai", ("Authorization", "Bearer wrong"), 401),
        ("speaches", ("X-API-Key", "right"), 0),
        ("speaches", ("X-API-Key", "wrong"), 403),
        ("huggingface", ("Authorization", "Bearer wrong"), 0),
    ],
)
def test_each_has_its_own_place_for_the_key(name: str, header: tuple[str, str], status: int) -> None:
    made = mimic(name)
    refused = made.refusal(made.paths[0] + made.example, Headers([header]), "right", ClientSecrets())
    assert (refused.status_code if refused else 0) == status


@pytest.mark.parametrize(
    ("name", "event"),
    [
        # Audio before the first update.
        *((name, APPEND) for name in ("voice-live", "qwen", "inworld", "vllm", "openai-transcription")),
        # A session of today, where the beta's is spoken, and the other way round.
        *((name, session(type="realtime")) for name in ("openai-beta", "voice-live", "qwen", "speaches")),
        *((name, session(audio={})) for name in ("openai-beta", "voice-live", "qwen")),
        *((name, session(type="realtime", modalities=["text", "audio"])) for name in ("openai", "azure", "inworld")),
        ("xai", session(**nested("input", turn_detection=None))),
        ("inworld", session(voice="Sarah", type="realtime")),
        # Formats and rates that it has not.
        ("openai", session(type="realtime", **nested("input", format={"type": "audio/pcm", "rate": 16000}))),
        ("openai-beta", session(input_audio_format="pcm")),
        ("voice-live", session(input_audio_format="g711_ulaw")),
        ("voice-live", session(input_audio_sampling_rate=8000)),
        ("voice-live", session(output_audio_format="pcm16_24000hz")),
        ("qwen", session(input_audio_format="pcm16")),
        ("qwen", session(input_audio_sampling_rate=16000)),
        ("xai", session(**nested("input", format={"type": "audio/pcm", "rate": 12000}))),
        ("inworld", session(type="realtime", **nested("input", format={"type": "audio/pcm", "rate": 11025}))),
        ("huggingface", session(type="realtime", **nested("input", format={"type": "audio/pcm", "rate": 16000}))),
        ("vllm", session(**nested("input", format={"type": "audio/pcm", "rate": 24000}))),
        # What else it does not take.
        *((name, session(modalities=["audio"])) for name in ("openai-beta", "qwen", "speaches")),
        ("qwen", session(tools=[{"type": "function", "name": "f"}])),
        ("vllm", session(model="openbmb/MiniCPM-o-4_5")),
        ("vllm", session(turn_detection={"type": "server_vad", "interrupt_response": False})),
        ("vllm", session(turn_detection={"type": "semantic_vad"})),
        ("vllm", {"type": "session.heartbeat"}),
        ("huggingface", session(type="transcription")),
        ("huggingface", {"type": "conversation.item.delete", "item_id": "i"}),
        ("huggingface", {"type": "input_audio_buffer.clear"}),
        ("openai", {"type": "output_audio_buffer.cleared"}),
    ],
)
def test_what_the_real_one_refuses_is_refused(name: str, event: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        mimic(name).incoming(event)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        *((name, TRUNCATE) for name in ("qwen", "speaches", "inworld")),
        ("speaches", {"type": "response.cancel"}),
        ("qwen", {"type": "conversation.item.create", "item": {}}),
        ("vllm", {"type": "response.create"}),
        ("vllm", {"type": "conversation.item.create", "item": {"type": "message", "role": "assistant", "content": []}}),
        (
            "speaches",
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
            },
        ),
    ],
)
def test_what_the_real_one_refuses_in_a_session_is_refused(name: str, event: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        mimic(name, updated=True).incoming(event)


def test_a_client_must_not_truncate_where_the_server_does() -> None:
    made = mimic("voice-live")
    made.incoming(session(turn_detection={"type": "azure_semantic_vad", "auto_truncate": True}))
    with pytest.raises(RequestError):
        made.incoming(TRUNCATE)
    made.incoming(session(turn_detection={"type": "azure_semantic_vad", "auto_truncate": False}))
    assert made.incoming(TRUNCATE) is not None


def test_a_rate_is_not_changed_behind_the_first_audio() -> None:
    made = mimic("xai")
    made.incoming(session(**nested("input", format={"type": "audio/pcm", "rate": 16000})))
    made.incoming(APPEND)
    with pytest.raises(RequestError, match="Multiple frame rates"):
        made.incoming(session(**nested("input", format={"type": "audio/pcm", "rate": 8000})))


def test_what_is_not_to_be_had_is_told_and_the_rest_of_the_update_counts() -> None:
    made, told = mimic("speaches"), list[dict[str, Any]]()
    made.tell = told.append
    changes = made.incoming(session(instructions="x", input_audio_format="pcm16"))
    assert changes is not None and changes["session"]["instructions"] == "x"
    (error,) = told
    assert "`session.input_audio_format` is not supported" in error["error"]["message"]


def test_some_things_have_no_answer() -> None:
    assert mimic("huggingface", updated=True).incoming(TRUNCATE) is None
    assert mimic("localai").incoming({"type": "anything.else"}) is None


def test_a_heartbeat_and_what_was_heard_are_answered() -> None:
    made, told = mimic("vllm", updated=True), list[dict[str, Any]]()
    made.tell = told.append
    assert made.incoming({"type": "session.heartbeat"}) is None
    assert made.incoming({"type": "playback.ack", "response_id": "r", "played_ms": 10}) is None
    assert [each["type"] for each in told] == ["session.heartbeat_ack", "playback.acknowledged"]


DELTA = {"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": "AAAA"}
ADDED = {"type": "conversation.item.added", "item": {"id": "i", "type": "message", "role": "user", "content": []}}


@pytest.mark.parametrize(
    ("name", "event", "kinds"),
    [
        ("openai", DELTA, ["response.output_audio.delta"]),
        ("speaches", DELTA, ["response.audio.delta"]),
        ("xai", DELTA, ["response.output_audio.delta"]),
        ("openai-beta", ADDED, ["conversation.item.created"]),
        ("huggingface", ADDED, ["conversation.item.created"]),
        ("vllm", ADDED, ["conversation.item.added", "conversation.item.created"]),
        ("speaches", {**ADDED, "type": "conversation.item.done"}, []),
        ("xai", ADDED, ["conversation.item.added"]),
    ],
)
def test_events_have_the_server_s_own_names(name: str, event: dict[str, Any], kinds: list[str]) -> None:
    assert [each["type"] for each in mimic(name).outgoing(event)] == kinds


def test_the_first_words_of_a_session_are_the_server_s_own() -> None:
    created = {"type": "session.created", "session": {"id": "s", "object": "realtime.session", "model": "m"}}
    assert [each["type"] for each in mimic("xai").outgoing(created)] == [
        "session.created",
        "conversation.created",
        "ping",
    ]
    (flat,) = mimic("qwen").outgoing(created)
    assert flat["session"]["input_audio_format"] == "pcm" and "audio" not in flat["session"]
    (refused,) = mimic("vllm").outgoing({"type": "error", "error": {"message": "no", "code": "c"}})
    assert (refused["error"], refused["code"]) == ("no", "c"), "flat until there is a session"
