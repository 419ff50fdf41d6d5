"""A call with each of the servers that are known, as the local endpoint plays them: strictly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from audio.g711 import Pcm16, alaw_decode, ulaw_decode
from audio.segments import sounding
from audio.tones import dominant_frequency, tone
from contract import Leg, Switch
from contract.saying import send_json

from mod_openai_realtime.dialect.profiles import PROFILES
from mod_openai_realtime.local.recording import ConnectionRecord, Message
from mod_openai_realtime.local.thread import LocalEndpointThread

CALLER_HZ, AGENT_HZ = 700, 400


@dataclass(frozen=True)
class Case:
    """`path`: where the server is. `first`: what its application has to say before all else. `capture` and `playback`:
    the rates on the wire for a `start` of 24 kHz, and `slow` those for one of 8 kHz. `before`: what was sent before the
    first audio, by kinds of events."""

    name: str
    path: str
    capture: int = 24000
    playback: int = 24000
    slow: tuple[int, int] = (24000, 24000)
    before: tuple[str, ...] = ()
    item: str = "conversation.item.added"
    """What tells of a new item."""
    first: dict[str, Any] | None = None
    commits: bool = False
    """A response wants committed audio."""
    variables: dict[str, str] = field(default_factory=dict)


UPDATE = ("session.update",)
CASES = [
    Case("openai", "/v1/realtime?model=m"),
    Case("openai-beta", "/openai/realtime?api-version=1&deployment=d", item="conversation.item.created"),
    Case("azure", "/openai/v1/realtime?model=m"),
    Case(
        "voice-live",
        "/voice-live/realtime?api-version=1&model=m",
        slow=(16000, 8000),
        before=UPDATE,
        item="conversation.item.created",
    ),
    Case("xai", "/v1/realtime?model=m", slow=(8000, 24000), before=UPDATE),
    Case("qwen", "/api-ws/v1/realtime?model=m", 16000, 24000, (16000, 24000), before=UPDATE),
    Case(
        "vllm",
        "/v1/realtime?duplex=1",
        16000,
        24000,
        (16000, 24000),
        before=UPDATE,
        first={"model": "openbmb/MiniCPM-o-4_5", "ref_audio": "data:audio/wav;base64,AAAA"},
        commits=True,
    ),
    Case("huggingface", "/v1/realtime", slow=(16000, 16000), before=UPDATE, item="conversation.item.created"),
    Case("localai", "/v1/realtime?model=m"),
    Case("speaches", "/v1/realtime?model=m", item="conversation.item.created"),
    Case("inworld", "/api/v1/realtime/session?key=k&protocol=realtime", slow=(8000, 8000), before=UPDATE),
]
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
DECODE: dict[str, Callable[[bytes], Pcm16]] = {
    "pcmu": ulaw_decode,
    "pcma": alaw_decode,
    "pcm": lambda data: np.frombuffer(data, "<i2").astype(np.int16),
}


def server(case: Case, **options: Any) -> LocalEndpointThread:
    return LocalEndpointThread(vad=False, dialect=case.name, **options)


def call(switch: Switch, case: Case, **variables: str) -> Leg:
    return switch.call(variables={"STREAM_DIALECT": case.name, **case.variables, **variables})


def begin(leg: Leg, endpoint: LocalEndpointThread, case: Case, arguments: str = "mono") -> None:
    leg.ok(f"start ws://127.0.0.1:{endpoint.port}{case.path} {arguments}")
    leg.event("connect", still=True)
    if case.first is not None:
        send_json(leg, type="session.update", session=case.first)


def told(leg: Leg, kind: str, *, still: bool = False) -> dict[str, Any]:
    while (message := leg.event("json", still=still).json())["type"] != kind:
        pass
    return dict(message)


def record(endpoint: LocalEndpointThread, connection: int = -1) -> ConnectionRecord:
    return endpoint.snapshot()[connection]


def kinds(messages: list[Message]) -> list[str]:
    return [str(each.event["type"]) for each in messages if each.event is not None]


def before_audio(endpoint: LocalEndpointThread, connection: int = -1) -> list[str]:
    """What was sent before the first audio."""
    said = kinds(record(endpoint, connection).received)
    first = next((i for i, kind in enumerate(said) if kind.endswith("buffer.append")), len(said))
    return said[:first]


def refusals(endpoint: LocalEndpointThread) -> list[Any]:
    return [
        each.event
        for connection in endpoint.snapshot()
        for each in connection.sent
        if each.event and "error" in each.event
    ]


def hears(leg: Leg, endpoint: LocalEndpointThread, rate: int, decode: str = "pcm") -> tuple[int, float]:
    """The caller's tone comes to the server as it is; -> its ms and Hz there."""
    leg.until(lambda: len(record(endpoint).received_audio()) > 0)
    leg.tell(tone(CALLER_HZ, 1000, 8000))

    def said() -> Pcm16:
        return DECODE[decode](record(endpoint).received_audio())

    leg.until(lambda: sounding(said(), rate) and sounding(said(), rate)[-1].end < len(said()) - rate // 20)
    return measured(leg, said(), rate, 1000, CALLER_HZ)


def speaks(leg: Leg, case: Case) -> tuple[int, float]:
    """The agent's tone comes to the caller as it is; -> its ms and Hz there."""
    if case.commits:
        send_json(leg, type="input_audio_buffer.commit")
    send_json(leg, type="response.create")
    told(leg, "response.done")
    leg.event("openai_speech_stop")
    leg.run(100)
    return measured(leg, leg.heard(), leg.rate, 1500, AGENT_HZ)


def measured(leg: Leg, samples: Pcm16, rate: int, ms: int, hz: int) -> tuple[int, float]:
    """A packet of a real call may be lost on a machine that is busy."""
    parts = [each.of(samples) for each in sounding(samples, rate)]
    found_ms, found_hz = 1000 * sum(map(len, parts)) // rate, dominant_frequency(max(parts, key=len), rate)
    assert len(parts) == 1 or not leg.stepped
    assert found_ms == pytest.approx(ms, rel=0.02 if leg.stepped else 0.1)
    assert found_hz == pytest.approx(hz, abs=2 if len(parts) == 1 else 5)
    return found_ms, round(found_hz, 1)


TONE = [{"tone_hz": AGENT_HZ, "ms": 1500}]


@EACH
@pytest.mark.parametrize("speed", ["24k", "8k"])
def test_a_tone_goes_both_ways(
    switch: Switch, case: Case, speed: str, record_property: Callable[[str, object], None]
) -> None:
    leg = call(switch, case)
    capture, playback = (case.capture, case.playback) if speed == "24k" else case.slow
    before = () if case.name == "huggingface" and speed == "8k" else case.before
    with server(case, agent=TONE) as endpoint:
        begin(leg, endpoint, case, f"mono {speed} {speed}")
        heard = hears(leg, endpoint, capture)
        assert tuple(before_audio(endpoint)) == before
        spoken = speaks(leg, case)
        seconds = len(record(endpoint).sent_audio()) / 2 / playback
        assert seconds == pytest.approx(1.5, rel=0.01)
        assert refusals(endpoint) == []
        record_property("call", [case.name, speed, capture, *heard, playback, *spoken, *before])


G711 = [case for case in CASES if PROFILES[case.name].input.pcmu]


@pytest.mark.parametrize("case", G711, ids=lambda case: case.name)
def test_g711_is_spoken_where_the_server_takes_it(switch: Switch, case: Case) -> None:
    leg = call(switch, case, STREAM_AUDIO_FORMAT="pcmu")
    with server(case, agent=TONE) as endpoint:
        begin(leg, endpoint, case)
        hears(leg, endpoint, 8000, "pcmu")
        assert before_audio(endpoint) == ["session.update"]
        speaks(leg, case)
        assert refusals(endpoint) == []


@EACH
def test_a_barge_in_is_told_where_the_server_understands(switch: Switch, case: Case) -> None:
    leg = call(switch, case)
    with server(case, agent=[{"tone_hz": AGENT_HZ, "ms": 20_000}]) as endpoint:
        begin(leg, endpoint, case)
        leg.until(lambda: len(record(endpoint).received_audio()) > 9600)
        if case.commits:
            send_json(leg, type="input_audio_buffer.commit")
        send_json(leg, type="response.create")
        leg.event("openai_speech_start")
        leg.run(600)
        leg.ok("break")
        leg.event("openai_speech_stop")
        dialect = PROFILES[case.name]
        over = case.name == "localai"  # all of its answer has come at once
        wanted = {"response.cancel"} if dialect.cancels and not over else set()
        wanted |= {"conversation.item.truncate"} if dialect.truncates else set()
        own = ("response.cancel", "conversation.item.truncate")
        leg.until(lambda: wanted <= set(kinds(record(endpoint).received)))
        leg.run(200)
        assert {kind for kind in kinds(record(endpoint).received) if kind in own} == wanted
        assert refusals(endpoint) == []
        [heard] = sounding(leg.heard(), leg.rate)
        assert len(heard) < 2 * leg.rate


@EACH
def test_a_new_session_is_given_what_the_old_one_had(switch: Switch, case: Case) -> None:
    leg = call(switch, case, STREAM_RESTORE="conversation")
    with server(case, agent=[{"say": "One moment, please."}]) as endpoint:
        begin(leg, endpoint, case)
        leg.until(lambda: len(record(endpoint).received_audio()) > 9600)
        session = {"instructions": "You are kind."}
        nested = PROFILES[case.name].session_type
        send_json(leg, type="session.update", session={"type": nested, **session} if nested else session)
        told(leg, "session.updated")
        part = {"type": "input_text", "text": "Are you open?"}
        if PROFILES[case.name].given_items:
            send_json(
                leg,
                type="conversation.item.create",
                item={"type": "message", "role": "user", "content": [part]},
            )
            told(leg, case.item)
        if case.commits:
            send_json(leg, type="input_audio_buffer.commit")
        send_json(leg, type="response.create")
        told(leg, "response.done")
        leg.event("openai_speech_stop")
        endpoint.call(lambda local: local.live(0).drop())
        leg.event("disconnect")
        leg.event("connect")
        restored = leg.event("restored").json()
        assert restored["session"] is True
        leg.until(lambda: len(record(endpoint).received_audio()) > 0)
        sent = before_audio(endpoint)
        assert sent[0] == "session.update"
        created = [
            each.event["item"]
            for each in record(endpoint).received
            if each.event and each.event["type"] == "conversation.item.create"
        ]
        roles = [each["role"] for each in created]
        assert roles == [role for role in ("user", "assistant") if role in PROFILES[case.name].given_items]
        assert restored["items"] == len(roles)
        assert refusals(endpoint) == []


def test_a_transcription_hears_nothing_before_it_has_a_model(switch: Switch) -> None:
    leg = switch.call(variables={"STREAM_DIALECT": "openai-transcription"})
    with LocalEndpointThread(vad=False, dialect="openai-transcription") as endpoint:
        leg.start(f"{endpoint.url} mono send")
        told(leg, "session.created")
        leg.run(4000)
        assert before_audio(endpoint) == [] and len(record(endpoint).received_audio()) == 0
        given = {"input": {"transcription": {"model": "gpt-live-transcribe"}}}
        send_json(leg, type="session.update", session={"type": "transcription", "audio": given})
        hears(leg, endpoint, 24000)
        assert before_audio(endpoint) == ["session.update"]
        assert refusals(endpoint) == []


def test_a_translation_is_heard_while_it_goes_on(switch: Switch) -> None:
    leg = switch.call()
    with LocalEndpointThread(vad=False, dialect="openai-translation") as endpoint:
        leg.start(f"{endpoint.url} mono")
        told(leg, "session.created")
        hears(leg, endpoint, 24000)
        leg.run(600)
        heard = [each.of(leg.heard()) for each in sounding(leg.heard(), leg.rate)]
        assert sum(map(len, heard)) == pytest.approx(leg.rate, abs=0.45 * leg.rate)  # in frames of 200 ms
        assert dominant_frequency(max(heard, key=len), leg.rate) == pytest.approx(AGENT_HZ, abs=10)
        assert before_audio(endpoint) == [] and refusals(endpoint) == []
        assert set(kinds(record(endpoint).received)) == {"session.input_audio_buffer.append"}


def test_another_kind_of_server_goes_on_in_its_own_words(switch: Switch) -> None:
    openai, other = CASES[0], next(case for case in CASES if case.name == "speaches")
    with server(openai) as first, server(other, agent=TONE) as second:
        variables = {
            "STREAM_RESTORE": "conversation",
            "STREAM_DIALECT": "auto speaches",
            "STREAM_FAILOVER_URI": f"ws://127.0.0.1:{second.port}{other.path}",
        }
        leg = switch.call(variables=variables)
        begin(leg, first, openai)
        told(leg, "session.created")
        session = {"type": "realtime", "instructions": "You are kind.", "audio": {"output": {"voice": "cedar"}}}
        send_json(leg, type="session.update", session=session)
        told(leg, "session.updated")
        item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "We are open."}]}
        send_json(leg, type="conversation.item.create", item=item)
        told(leg, "conversation.item.done")
        first.stop()
        leg.event("connect", limit_s=30)
        assert leg.event("restored").json()["cause"] == "failover"
        update, created = (each.event for each in record(second).received if each.event and not each.audio)
        assert update is not None and update["session"] == {"instructions": "You are kind."}
        assert created is not None and created["item"]["content"] == [{"type": "text", "text": "We are open."}]
        hears(leg, second, 24000)
        speaks(leg, other)
        assert refusals(second) == []
