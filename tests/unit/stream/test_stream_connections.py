"""One connection of a stream after another: what each is given, and what is told."""

from __future__ import annotations

import base64
import json

import pytest
from stream_bench import SECOND_NS, VLLM, WISH, StreamBench


def test_what_the_application_asked_for_is_asked_again_before_any_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    bench.wish()
    line.says("session.updated", session=WISH)
    bench.now_ns += 5 * SECOND_NS
    line.lose()
    line.said.clear()
    line.samples = 0
    bench.now_ns += SECOND_NS
    line.open()
    bench.run(3)
    assert line.told() == []
    line.says("session.created", session={})
    bench.run(3)
    assert line.told() == ["session.update"] and line.said[0]["session"] == WISH and line.samples == 0
    line.says("session.updated", session=WISH)
    bench.run(3)
    assert line.samples == 3 * 160
    (restored,) = bench.told("restored")
    assert restored["cause"] == "reconnect" and restored["session"] is True and restored["gap_ms"] == 1000
    assert all(timer.delay_s != 5 for timer in bench.timers.running)


def test_what_is_not_answered_in_time_is_left_out_and_the_call_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    bench.wish()
    line.lose()
    line.open()
    line.says("session.created", session={})
    bench.run_out(5)
    (restored,) = bench.told("restored")
    assert restored["session"] is False
    line.samples = 0
    bench.run(3)
    assert line.samples == 3 * 160


def test_what_nobody_has_answered_is_asked_of_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    bench.wish()
    line.lose()
    line.said.clear()
    line.open()
    line.says("session.created", session={})
    assert [message["session"] for message in line.said] == [WISH]


def test_a_loss_or_an_end_while_a_session_is_restored_leaves_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    bench.wish()
    for _ in range(2):
        line.lose()
        assert all(timer.delay_s != 5 for timer in bench.timers.running)
        line.open()
        line.says("session.created", session={})
        assert [timer.delay_s for timer in bench.timers.running].count(5) == 1
    bench.stream.stop()
    assert all(timer.delay_s != 5 for timer in bench.timers.running)


def test_what_another_engine_would_need_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    bench.connected()
    bench.wish()
    bench.timers.run_out()
    assert bench.kept and json.loads(bench.kept[-1])["playing"] is not None


def test_an_answer_that_its_connection_did_not_live_to_end_ends_with_what_had_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    audio = base64.b64encode(bytes(2 * 800)).decode()
    line.says("response.output_audio.delta", response_id="r1", item_id="i1", delta=audio)
    line.lose()
    bench.run(10)
    assert bench.told("openai_speech_start") and bench.told("openai_speech_stop")


# -- another server


def test_another_server_is_spoken_to_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, then=VLLM)
    line = bench.connected()
    bench.wish()
    line.says("session.updated", session=WISH)
    line.lose()
    line.said.clear()
    line.open(server=1)
    assert line.told() == ["session.update"]  # it greets nobody who says nothing
    line.says("session.created", session={})
    line.says("session.updated", session={})
    assert bench.told("connect")[-1] == {"status": "connected"}
    bench.run_out(30)
    assert line.told()[-1] == "session.heartbeat"
    line.lose()
    assert all(timer.delay_s != 30 for timer in bench.timers.running)
    line.said.clear()
    line.open(server=0)
    assert line.told() == []
    line.says("session.created", session={})
    line.says("session.updated", session={})
    assert [body["cause"] for body in bench.told("restored")] == ["failover", "failover"]


def test_the_first_connection_may_be_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, then=VLLM)
    bench.lines[0].open(server=1)
    bench.lines[0].says("session.created", session={})
    assert any(timer.delay_s == 30 for timer in bench.timers.running)


@pytest.mark.parametrize(("then", "kept"), [("", True), ("wss://second.example/v1/realtime", False)])
def test_a_name_that_openai_would_not_take_is_kept_where_no_other_server_can_have_given_it(
    monkeypatch: pytest.MonkeyPatch, then: str, kept: bool
) -> None:
    bench = StreamBench(monkeypatch, then=then, STREAM_RESTORE="conversation")
    line = bench.connected()
    name = "item_0f3c7a52-93c1-4f53-8f0e-2b6f6f0e7c11"
    said = {"id": name, "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
    line.says("conversation.item.created", item=said)
    line.lose()
    line.said.clear()
    line.open(1 if then else 0)
    line.says("session.created", session={})
    assert line.told() == ["conversation.item.create"] and ("id" in line.said[0]["item"]) is kept
