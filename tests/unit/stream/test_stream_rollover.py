"""A connection that is followed by another before it ends: what of the caller goes to which, and what is told."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from stream_bench import OPENAI, SECOND_NS, VLLM, WISH, Line, StreamBench

from mod_openai_realtime.limits import MAX_ID_CHARACTERS
from mod_openai_realtime.pilot.observer import Observer
from mod_openai_realtime.stream.piloting import Piloting


def rolling(monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[StreamBench, Line]:
    """The time of the first session is up, and a second is being made ready."""
    bench = StreamBench(monkeypatch, STREAM_MAX_SESSION_S="60", **more)
    line = bench.connected()
    bench.wish()
    line.says("session.updated", session=WISH)
    bench.run(2)
    line.said.clear()
    bench.run_out(60)
    assert len(bench.lines) == 2
    return bench, line


def made_ready(bench: StreamBench) -> Line:
    line = bench.lines[1]
    line.open()
    line.says("session.created", session={})
    line.says("session.updated", session=WISH)
    return line


def test_a_rollover_goes_on_where_the_session_before_it_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    bench.stream.pause_reading(True)
    first_samples = first.samples
    second = made_ready(bench)
    assert first.stopped and second.waits_for == {"link"}
    bench.stream.pause_reading(False)
    assert second.waits_for == set()
    assert second.told() == ["session.update"] and second.said[0]["session"] == WISH
    bench.run(3)
    assert (first.samples, second.samples) == (first_samples, 3 * 160)
    assert bench.told("connect")[-1]["cause"] == "rollover" and bench.told("disconnect") == []
    (restored,) = bench.told("restored")
    assert restored == {
        "status": "restored",
        "cause": "rollover",
        "session": True,
        "items": 0,
        "left_out": 0,
        "gap_ms": 0,
    }
    second.lose()
    assert len(bench.told("disconnect")) == 1


def test_a_session_is_left_before_the_time_that_the_server_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    bench = StreamBench(monkeypatch, STREAM_MAX_SESSION_S="3300")
    first = bench.connected(expires_at=1_800_001_200)
    first.says("session.updated", session={"expires_at": 1_800_001_200})
    assert bench.timers_of(900) == 1 and bench.timers_of(3300) == 0
    bench.run_out(900)
    bench.lines[1].open()
    bench.lines[1].says("session.created", session={"expires_at": 1_800_000_600})
    assert first.stopped and bench.timers_of(300) == 1


@pytest.mark.parametrize("expires_at", [None, True, "soon", [1], 0, 10**400])
def test_a_time_that_makes_no_sense_changes_nothing(monkeypatch: pytest.MonkeyPatch, expires_at: Any) -> None:
    bench = StreamBench(monkeypatch, STREAM_MAX_SESSION_S="3300")
    bench.connected(expires_at=expires_at)
    assert bench.timers_of(3300) == 1


def test_what_the_new_server_says_besides_is_for_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, _ = rolling(monkeypatch)
    line = bench.lines[1]
    line.open()
    line.says("session.created", session={})
    line.says("rate_limits.updated")
    assert all(body.get("type") != "rate_limits.updated" for body in bench.told("json"))
    line.says("session.updated", session=WISH)
    assert [body["type"] for body in bench.told("json")][-1] == "rate_limits.updated"


def test_who_observes_it_hears_all_that_the_new_session_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    class Noted(Observer):
        def sent(self, payload: bytes) -> None:
            heard.append(json.loads(payload)["type"])

    piloting = Piloting(observers=(lambda stream: Noted(),))
    bench, first = rolling(monkeypatch, piloting=piloting, STREAM_RESTORE="conversation")
    heard.clear()
    first.says("response.created", response={"id": "r1"})  # so the moment is none for it
    second = made_ready(bench)
    content = [{"type": "input_text", "text": "hello"}]
    first.says("conversation.item.added", item={"id": "u1", "type": "message", "role": "user", "content": content})
    first.lose()
    assert heard == second.told() == ["session.update", "conversation.item.create"]


def test_where_another_takes_over_from_a_server_that_went_too_far_the_summary_still_tells_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, first = rolling(monkeypatch)
    first.says("response.created", response={"id": "r1"})  # so the moment is none for it
    second = made_ready(bench)
    first.says("response.created", response={"id": "x" * (MAX_ID_CHARACTERS + 1)})
    assert first.stopped and bench.told("disconnect") == []
    bench.stream.stop()
    second.listener.on_ended()
    (summary,) = bench.told("summary")
    assert "an id has more than" in summary["error"]


def test_a_session_that_took_over_gets_as_old_as_the_one_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, _ = rolling(monkeypatch)
    made_ready(bench)
    bench.run_out(60)
    assert len(bench.lines) == 3


def test_a_keep_alive_is_the_present_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch, uri=VLLM)
    second = made_ready(bench)
    assert second.told().count("session.update") == 1
    first.said.clear()
    bench.run_out(30)
    assert first.said == [] and second.told()[-1] == "session.heartbeat"
    assert sum(timer.delay_s == 30 for timer in bench.timers.running) == 1


@pytest.mark.parametrize(("uri", "then", "beats"), [(VLLM, OPENAI, False), (OPENAI, VLLM, True)])
def test_and_in_the_words_of_the_server_that_took_over(
    monkeypatch: pytest.MonkeyPatch, uri: str, then: str, beats: bool
) -> None:
    bench, _ = rolling(monkeypatch, uri=uri, then=then)
    bench.lines[1].open(server=1)
    bench.lines[1].says("session.created", session={})
    bench.lines[1].says("session.updated", session=WISH)
    assert bench.told("connect")[-1]["cause"] == "rollover"
    assert [timer.delay_s for timer in bench.timers.running].count(30) == beats


def test_a_new_server_that_says_nothing_takes_over_where_the_one_before_it_said_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = StreamBench(monkeypatch, uri=VLLM, STREAM_MAX_SESSION_S="60")
    bench.lines[0].open()
    bench.wish()
    bench.run_out(60)
    bench.lines[1].open()
    bench.run_out(5)
    assert bench.told("connect")[-1]["cause"] == "rollover"
    assert bench.told("restored")[-1]["session"] is False


def test_a_connection_that_is_lost_is_followed_by_the_one_that_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.says("response.created", response={"id": "r1"})  # so the moment is none for it
    second = made_ready(bench)
    assert not first.stopped
    first.lose()
    assert first.stopped and bench.told("disconnect") == []
    bench.run(2)
    assert second.samples == 2 * 160


def test_a_session_that_the_server_ends_for_its_age_is_followed_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.lose(1001, "maximum duration")
    assert bench.told("disconnect") == []
    bench.run(5)
    second = made_ready(bench)
    bench.run(2)
    assert second.samples == 7 * 160
    assert bench.told("connect")[-1]["cause"] == "rollover" and bench.told("restored")[-1]["cause"] == "rollover"


def test_where_none_follows_the_loss_is_told_after_all(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.lose(1001, "maximum duration")
    bench.lines[1].fail()
    (told,) = bench.told("disconnect")
    assert told["message"] == {"code": 1001, "reason": "maximum duration"} and len(bench.told("error")) == 1
    made_ready(bench)
    assert "cause" not in bench.told("connect")[-1]


def test_a_stream_that_ends_leaves_no_timer_and_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    bench.lines[1].open()
    bench.stream.stop()
    assert first.stopped and bench.lines[1].stopped
    first.listener.on_ended()
    assert bench.timers.running == []


def test_the_link_is_waited_for_by_the_present_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    bench.stream.pause_reading(True)
    assert first.waits_for == {"link"}
    bench.stream.pause_reading(False)
    assert first.waits_for == set() and made_ready(bench).waits_for == set()


def test_a_session_that_the_server_calls_expired_is_followed_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, STREAM_MAX_SESSION_S="60")
    bench.connected()
    for number in (1, 2):
        bench.lines[number - 1].says("error", error={"code": "session_expired"})
        if number == 2:  # of a session that has only begun
            bench.run_out(min(timer.delay_s for timer in bench.timers.running))
        assert len(bench.lines) == number + 1 and bench.timers_of(60) == 0
        bench.lines[number].open()
        bench.lines[number].says("session.created", session={})
        assert bench.lines[number - 1].stopped and bench.timers_of(60) == 1
    assert bench.told("disconnect") == []


def test_an_expired_session_is_followed_whatever_is_being_said(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.says("response.created", response={"id": "r1"})
    made_ready(bench)
    assert not first.stopped
    first.says("error", error={"code": "session_expired"})
    assert first.stopped and bench.told("connect")[-1]["cause"] == "rollover"


def test_in_raw_mode_a_new_connection_takes_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, raw=True, STREAM_MAX_SESSION_S="60")
    bench.lines[0].open()
    bench.run_out(60)
    bench.lines[1].open()
    assert bench.lines[0].stopped and bench.told("connect")[-1]["cause"] == "rollover"


def test_a_loss_that_nobody_was_told_of_is_told_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.lose(1001, "maximum duration")
    bench.stream.stop()
    assert [body["message"]["code"] for body in bench.told("disconnect")] == [1001]


def test_a_new_session_is_sought_at_the_present_server(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, then=VLLM, STREAM_MAX_SESSION_S="60")
    bench.lines[0].open(server=1)
    bench.lines[0].says("session.created", session={})
    bench.run_out(60)
    assert bench.lines[1].server == 1


def test_a_rollover_after_a_reconnect_has_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, STREAM_MAX_SESSION_S="60")
    first = bench.connected()
    bench.wish()
    first.lose()
    bench.now_ns += SECOND_NS
    first.open()
    first.says("session.created", session={})
    first.says("session.updated", session=WISH)
    assert bench.timers_of(60) == 1
    bench.run_out(60)
    made_ready(bench)
    assert [body["gap_ms"] for body in bench.told("restored")] == [1000, 0]
    bench.stream.stop()
    bench.lines[1].listener.on_ended()
    assert bench.told("summary")[0]["connections"] == 3


def test_what_is_said_meanwhile_is_told_before_the_session_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch, STREAM_RESTORE="conversation")
    first.says("response.created", response={"id": "r1"})
    second = made_ready(bench)
    second.said.clear()
    item = {"id": "i1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    first.says("conversation.item.created", item=item)
    first.says("response.done", response={"id": "r1", "status": "completed"})
    bench.run_out(0.1)
    assert first.stopped and second.told() == ["conversation.item.create"]


def test_what_is_asked_for_meanwhile_is_asked_of_the_new_session_first(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.says("response.created", response={"id": "r1"})
    second = made_ready(bench)
    bench.run_out(5)
    second.said.clear()
    later = {"instructions": "Be long."}
    bench.stream.send_json(json.dumps({"type": "session.update", "session": later}).encode())
    first.says("session.updated", session=later)
    first.says("response.done", response={"id": "r1", "status": "completed"})
    bench.run_out(0.1)
    assert second.told() == ["session.update"] and second.said[0]["session"] == later
    assert not first.stopped and bench.timers_of(5) == 1
    second.says("session.updated", session=later)
    assert first.stopped
    assert bench.told("restored")[-1]["session"] is True


def test_a_new_connection_that_does_not_come_up_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    second = bench.lines[1]
    second.fail()
    assert "rollover: connecting to host:443 failed: Connection refused" in bench.log_lines[-1]
    second.open()
    second.lose(1011, "no")
    assert "rollover: the new connection is lost (1011 no)" in bench.log_lines[-1]
    assert not first.stopped and bench.timers_of(5) == 0
    made_ready(bench)
    assert first.stopped and bench.told("disconnect") == [] and bench.told("error") == []


def test_where_it_failed_an_expired_session_is_lost_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    bench.lines[1].open()
    bench.lines[1].lose()
    first.lose(1001, "maximum duration")
    assert bench.lines[1].stopped  # the first tries again by itself
