"""How a stream begins, ends and comes to nothing, what is left of it then, and what its memory says meanwhile."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from stream_bench import VLLM, WISH, StreamBench

from mod_openai_realtime.audio.control import Control
from mod_openai_realtime.audio.own_sounds import OwnSounds, SoundPlayed
from mod_openai_realtime.audio.playback import Playback
from mod_openai_realtime.limits import MAX_ID_CHARACTERS, MAX_UTTERANCES
from mod_openai_realtime.pilot.observer import Observer
from mod_openai_realtime.realtime.sending import MAX_OWN_UNSENT_BYTES
from mod_openai_realtime.stream.piloting import Piloting
from mod_openai_realtime.stream.reports import GREETING_S
from mod_openai_realtime.stream.state import EndReason
from mod_openai_realtime.switch.command import MuteTarget
from mod_openai_realtime.switch.reasons import RECEIVE_DISABLED
from mod_openai_realtime.switch.refusal import CommandRefusedError

OF_AN_ENGINE = Control.CONNECTED | Control.SPEAKING | Control.EXPECTING
SECOND_OF_AUDIO = base64.b64encode(b"\x10\x00" * 8000).decode()
DELTA = {"response_id": "r1", "item_id": "i1", "content_index": 0, "delta": SECOND_OF_AUDIO}


class Noted(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def sent(self, payload: bytes) -> None:
        self.messages.append(json.loads(payload)["type"])


def speaks(bench: StreamBench) -> None:
    """The caller hears the agent."""
    bench.lines[0].says("response.output_audio.delta", **DELTA)
    bench.run(5)
    assert bench.told("openai_speech_start")


# -- what the memory says


def test_the_memory_says_whether_there_is_a_connection_and_whether_the_agent_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = StreamBench(monkeypatch)
    assert not bench.memory.control & OF_AN_ENGINE
    line = bench.connected()
    assert Control(bench.memory.control) & OF_AN_ENGINE == Control.CONNECTED
    speaks(bench)
    assert Control.SPEAKING in Control(bench.memory.control)
    line.says("input_audio_buffer.speech_started")
    assert Control.SPEAKING not in Control(bench.memory.control)
    line.lose()
    assert not bench.memory.control & OF_AN_ENGINE


def test_what_an_engine_that_died_has_left_there_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    bench.memory.set_control(OF_AN_ENGINE | Control.CAPTURE_MUTED, 0)
    bench.make_stream()
    assert Control(bench.memory.control) == Control.CAPTURE_MUTED


# -- its end


def test_it_ends_once_and_nothing_goes_on_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, STREAM_RESTORE="conversation")
    line = bench.lines[0]
    line.open()
    bench.wish()
    bench.run(3)
    assert bench.timers_of(GREETING_S) == 1
    bench.stream.stop()
    bench.stream.stop()
    assert bench.ended == [EndReason.STOPPED] and bench.timers.running == []
    events, log_lines = list(bench.events), list(bench.log_lines)
    bench.run(3)
    line.open()
    line.says("rate_limits.updated")
    line.listener.on_dropped("too large")
    assert bench.events == events and line.late == [] and bench.log_lines == log_lines
    line.listener.on_ended()
    assert bench.gone == 1


def test_without_reconnecting_it_ends_once_the_caller_has_heard_what_is_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, STREAM_NO_RECONNECT="1", STREAM_RESTORE="conversation")
    line = bench.connected()
    speaks(bench)
    bench.wish()
    line.lose()
    line.listener.on_ended()
    bench.run(10)
    assert bench.ended == []
    bench.run(80)
    assert bench.ended == [EndReason.NO_RECONNECT] and bench.gone == 1
    assert bench.timers.running == [] and len(bench.told("openai_speech_stop")) == 1


def test_and_at_once_where_it_is_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, STREAM_NO_RECONNECT="1")
    line = bench.connected()
    speaks(bench)
    line.lose()
    line.listener.on_ended()
    bench.stream.pause()
    bench.run(1)
    assert bench.ended == [EndReason.NO_RECONNECT]


def test_between_its_end_and_the_last_word_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    speaks(bench)
    bench.stream.stop()
    events = list(bench.events)
    bench.run(1)
    bench.stream.tick()  # it was due already
    assert bench.events == events
    line.listener.on_ended()
    assert bench.told("turn") and bench.told("summary")


# -- what it does by itself, and what it needs Python for


def test_audio_that_is_only_queued_and_played_takes_no_look_at_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    bench.connected()
    speaks(bench)
    payload = json.dumps({"type": "response.output_audio.delta", **DELTA}).encode()
    take = bench.stream.take_audio
    assert take is not None and take(memoryview(payload))
    bench.ticks = 0
    bench.run(50)
    assert bench.ticks == 0 and len(bench.told("openai_speech_start")) == 1


def test_after_a_wait_playback_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    bench.connected()
    speaks(bench)
    for hushed in (True, False):
        bench.stream.hush(hushed)
        bench.run(40)
    heard = b"".join(bench.heard).count(b"\x10\x00")
    assert heard == pytest.approx((5 + 40) * 160, abs=160) and bench.memory.underruns == 0


def test_who_only_sends_has_nothing_to_be_heard_or_muted(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, audio="mono 8k send")
    line = bench.connected()
    bench.run(5)
    bench.stream.tick()
    assert line.samples == 5 * 160 and bench.stream.take_audio is None
    for change in (bench.stream.mute, bench.stream.unmute):
        with pytest.raises(CommandRefusedError, match=RECEIVE_DISABLED):
            change(MuteTarget.OPENAI)


# -- a connection that a dialplan waits for


def test_what_has_connected_in_time_is_waited_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, needs_connection=True)
    assert bench.timers_of(10) == 1
    line = bench.connected()
    line.lose()
    assert bench.timers_of(10) == 0
    line.fail("HTTP 401", 401)
    assert bench.ended == []


def test_a_stream_that_is_stopped_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, needs_connection=True)
    bench.stream.stop()
    assert bench.timers.running == []


@pytest.mark.parametrize("how", ["late", "refused", "closed"])
def test_it_comes_to_nothing_without_a_connection(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    bench = StreamBench(monkeypatch, needs_connection=True)
    line = bench.lines[0]
    if how == "late":
        bench.run_out(10)
    elif how == "refused":
        line.fail("HTTP 401", 401)
    else:
        line.open()
        line.lose(4000, "bad_model")
    assert bench.ended == [EndReason.NOT_CONNECTED] and bench.stream.failure is not None
    assert bench.timers.running == []


def test_where_there_will_be_no_connection_none_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, needs_connection=True, piloting=Piloting(failure="no agent is left"))
    assert bench.ended == [EndReason.NOT_CONNECTED] and bench.stream.failure == "no agent is left"
    assert not bench.lines[0].started and bench.timers.running == []


# -- who goes beyond the limits


def test_a_server_that_goes_beyond_a_limit_loses_its_connection_and_the_call_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = StreamBench(monkeypatch)
    bench.connected().says("response.created", response={"id": "x" * (MAX_ID_CHARACTERS + 1)})
    (error,) = bench.told("error")
    why = error["message"]["error"]
    assert "an id has more than" in why and f"connection ended: {why}" in bench.log_lines
    assert len(bench.told("disconnect")) == 1 and bench.ended == []


def test_a_server_that_reads_nothing_loses_its_connection_where_there_still_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for stopped in (False, True):
        bench = StreamBench(monkeypatch)
        line = bench.connected(turn_detection=None)
        line.says("response.created", response={"id": "r1"})
        line.buffered_bytes = 2 * MAX_OWN_UNSENT_BYTES
        line.says("input_audio_buffer.speech_started")
        if stopped:
            bench.stream.stop()
        bench.run_out(0)
        assert len(bench.told("error")) == (not stopped)


def test_and_so_does_one_that_speaks_in_binary_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, raw=True)
    line = bench.lines[0]
    line.open()
    for _ in range(2 * MAX_UTTERANCES):
        if line.connected:
            line.listener.on_binary(bytes(2))
            line.says("response.output_audio.done")
    assert not line.connected and len(bench.told("error")) == 1


# -- who is told


def test_who_observes_it_hears_what_is_sent_by_the_application_and_by_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = Noted()
    bench = StreamBench(monkeypatch, piloting=Piloting(observers=(lambda stream: noted,)))
    line = bench.connected(turn_detection=None)
    bench.wish()
    line.says("response.created", response={"id": "r1"})
    line.says("input_audio_buffer.speech_started")
    assert noted.messages == ["session.update", "response.cancel"] == line.told()


def sends(bench: StreamBench, kind: str, **fields: object) -> None:
    """The application does."""
    bench.stream.send_json(json.dumps({"type": kind, **fields}).encode())


def test_a_response_that_the_application_cancels_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    bench.connected()
    speaks(bench)
    sends(bench, "response.cancel")
    bench.run(2)
    assert len(bench.told("openai_speech_stop")) == 1


def test_what_the_application_truncates_the_engine_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    speaks(bench)
    sends(bench, "conversation.item.truncate", item_id="i1", content_index=0, audio_end_ms=20)
    bench.run(5)
    assert line.told() == ["conversation.item.truncate"]


def test_nor_what_a_barge_in_has_just_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    speaks(bench)
    line.says("input_audio_buffer.speech_started")
    sends(bench, "conversation.item.truncate", item_id="i1", content_index=0, audio_end_ms=20)
    bench.run(5)
    assert line.told() == ["conversation.item.truncate"]
    assert line.said[0]["audio_end_ms"] == 20


def test_the_turn_detection_that_the_application_has_chosen_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, STREAM_BARGE_IN="confirm")
    line = bench.lines[0]
    line.open()
    sends(bench, "session.update", session={"audio": {"input": {"turn_detection": None}}})
    line.says("session.created", session={"audio": {"input": {"turn_detection": {"type": "server_vad"}}}})
    assert line.told() == ["session.update"]


def test_an_id_that_is_used_again_after_a_loss_is_that_of_the_later_update(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch)
    line = bench.connected()
    for voice in ("marin", "nobody"):
        sends(bench, "session.update", event_id="e1", session={"voice": voice})
        if voice == "nobody":
            line.says("error", error={"event_id": "e1"})
        line.lose()
        line.said.clear()
        line.open()
        line.says("session.created", session={})
        assert [message["session"] for message in line.said] == [{"voice": "marin"}]


def test_another_engine_goes_on_with_what_was_kept_as_far_as_it_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, STREAM_RESTORE="conversation")
    line = bench.connected()
    bench.wish()
    line.says("conversation.item.added", item={"id": "i1", "type": "message", "role": "assistant"})
    text = {"item_id": "i1", "content_index": 0, "transcript": "one two three four"}
    line.says("response.output_audio_transcript.done", **text)
    speaks(bench)
    bench.timers.run_out()
    bench.run(20)
    bench.make_stream(bench.kept[-1]).start()
    line = bench.lines[-1]
    line.open()
    line.says("session.created", session={})
    asked, item = line.said
    assert asked["session"] == WISH and item["item"]["content"] == [{"type": "output_text", "text": "one two"}]


@pytest.mark.parametrize("kept", [{}, {"session": WISH, "items": [], "forgotten": 0, "playing": {"spans": 1}}])
def test_where_what_was_kept_makes_no_sense_it_begins_anew(monkeypatch: pytest.MonkeyPatch, kept: object) -> None:
    bench = StreamBench(monkeypatch, STREAM_RESTORE="conversation")
    bench.make_stream(json.dumps(kept).encode()).start()
    line = bench.lines[-1]
    line.open()
    line.says("session.created", session={})
    assert line.said == [] and "makes no sense" in bench.log_lines[0]


def test_where_nothing_is_to_be_restored_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = StreamBench(monkeypatch, STREAM_RESTORE="off")
    line = bench.connected()
    bench.wish()
    bench.timers.run_out()
    line.lose()
    line.said.clear()
    line.open()
    line.says("session.created", session={})
    assert line.said == [] and bench.kept == []


@pytest.mark.parametrize("what", ["an item", "the pilot's own"])
def test_what_has_changed_is_kept_for_another_engine(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    bench = StreamBench(monkeypatch, STREAM_RESTORE="conversation")
    line = bench.connected()
    if what == "an item":
        content = [{"type": "input_text", "text": "hello"}]
        item = {"id": "u1", "type": "message", "role": "user", "content": content}
        line.says("conversation.item.added", item=item)
    else:
        bench.stream.kept_changed()
    bench.timers.run_out()
    (kept,) = bench.kept
    assert len(json.loads(kept)["items"]) == (what == "an item")


def test_where_no_sound_can_be_played_who_asked_for_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[SoundPlayed] = []
    StreamBench(monkeypatch).stream.play_sound(Path("hold.wav"), told.append)
    assert told == [SoundPlayed(error="nothing can be played")]


class AtOnce(Executor):
    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        work()
        return Future()


def sounds(playback: Playback, changed: Callable[[], None]) -> OwnSounds:
    return OwnSounds(playback, AtOnce(), lambda function: function(), changed)


def test_a_sound_is_told_of_where_the_stream_ends_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[SoundPlayed] = []
    bench = StreamBench(monkeypatch, piloting=Piloting(sounds=sounds))
    line = bench.connected()
    (sound := tmp_path / "hold.pcm").write_bytes(b"\x10\x00" * 24000)
    for _ in range(2):
        bench.stream.play_sound(sound, told.append, pcm=True)
    bench.run(10)
    bench.stream.stop()
    line.lose(1000)
    bench.stream.on_ended()
    assert [played.interrupted for played in told] == [True, True]
    bench.stream.play_sound(sound, told.append, pcm=True)
    assert told[2:] == [SoundPlayed(error="the stream has ended")]


def test_a_server_is_not_told_of_sounds_that_are_not_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[SoundPlayed] = []
    bench = StreamBench(monkeypatch, uri=VLLM, piloting=Piloting(sounds=sounds))
    line = bench.connected()
    (sound := tmp_path / "ding.pcm").write_bytes(b"\x10\x00" * 2400)
    bench.stream.play_sound(sound, told.append, pcm=True)
    bench.run(20)
    assert told == [SoundPlayed(heard_ms=100)]
    assert "playback.ack" not in line.told()
    line.says("response.output_audio.delta", **DELTA)
    line.says("response.output_audio.done", response_id="r1")
    bench.run(60)
    assert "playback.ack" in line.told()
