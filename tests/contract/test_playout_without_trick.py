"""Agent audio is heard in a channel that sends nothing by itself, and each sample once whoever sends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from audio.tones import noise
from contract import FarEnd
from contract.clocked import ClockedCall
from engine_process import EngineProcess

from mod_openai_realtime.standin import StandIn


def make_call(standin: StandIn, *, sends: bool, rate: int = 8000, ptime_ms: int = 20, channels: int = 1) -> ClockedCall:
    call = standin.call(rate, ptime_ms=ptime_ms, channels=channels)
    call.set_sends(sends)
    if not sends:
        call.sent()  # of a step that came before
    return ClockedCall(standin, call)


@pytest.mark.serial  # the writer keeps real time, and so has the engine to
@pytest.mark.parametrize(("rate", "ptime_ms"), [(8000, 20), (16000, 20), (48000, 10), (8000, 40)])
@pytest.mark.parametrize("mode", ["mono", "stereo", "recv"])
def test_a_channel_that_sends_nothing_plays_every_sample_once(
    standin: StandIn, far: FarEnd, rate: int, ptime_ms: int, mode: str
) -> None:
    leg = make_call(standin, sends=False, rate=rate, ptime_ms=ptime_ms)
    leg.start(f"{far.url} {'recv' if mode == 'recv' else mode + ' 8k'} {rate}")
    speech = noise(1000, rate)
    far.speak(speech)
    far.finish()
    leg.wait_for("openai_speech_stop")
    leg.until(lambda: leg.place(speech) >= 0)
    # From its first sample on, and nothing after it but the rest of a frame.
    assert leg.place(speech) == 0
    frame = rate * ptime_ms // 1000
    assert len(leg.sent()) - len(speech) < frame


def test_a_codec_of_two_channels_is_written_to_as_well(standin: StandIn, far: FarEnd) -> None:
    leg = make_call(standin, sends=False, rate=48000, channels=2)
    leg.start(f"{far.url} recv 48000")
    speech = noise(500, 48000)
    far.speak(speech)
    far.finish()
    leg.wait_for("openai_speech_stop")
    leg.until(lambda: leg.place(np.repeat(speech, 2)) == 0)


def test_nothing_is_written_where_there_is_nothing_to_be_heard(standin: StandIn, far: FarEnd) -> None:
    leg = make_call(standin, sends=False)
    leg.start(f"{far.url} mono 8k 8k")
    leg.call.wait_steps(50)
    assert len(leg.sent()) == 0


def test_a_paused_stream_is_not_written_for(standin: StandIn, far: FarEnd) -> None:
    leg = make_call(standin, sends=False)
    leg.start(f"{far.url} mono 8k 8k")
    assert leg.command("pause") == "+OK Success"
    speech = noise(600, 8000)
    far.speak(speech)
    far.finish()
    far.say("marker")
    leg.wait_for("json")
    leg.call.wait_steps(30)
    assert len(leg.sent()) == 0
    assert leg.command("resume") == "+OK Success"
    leg.until(lambda: leg.place(speech) == 0)


def test_muted_playback_runs_on_in_a_channel_that_sends_nothing(standin: StandIn, far: FarEnd) -> None:
    leg = make_call(standin, sends=False)
    leg.start(f"{far.url} mono 8k 8k")
    assert leg.command("mute openai") == "+OK Success"
    far.speak(noise(600, 8000))
    far.finish()
    leg.until(lambda: len(leg.sent()) >= 4800)
    assert not leg.sent().any()
    assert leg.command("unmute openai") == "+OK Success"
    speech = noise(300, 8000, seed=2)
    far.speak(speech, "r2")
    far.finish("r2")
    leg.until(lambda: leg.place(speech) >= 0)


def test_a_channel_that_sends_by_itself_is_left_to_itself(standin: StandIn, far: FarEnd) -> None:
    in_time_ns = 25_000_000  # so that no two frames lie 100 ms apart, however long a step took
    for attempt in itertools.count():
        leg = make_call(standin, sends=True)
        leg.start(f"{far.url} mono 8k 8k")
        speech = noise(1000, 8000, seed=attempt)
        far.speak(speech)
        far.finish()
        leg.wait_for("openai_speech_stop")
        leg.until(lambda: leg.place(speech) >= 0)  # noqa: B023
        standin.halt()
        if leg.call.late_max_ns < in_time_ns:
            break
        # The machine has held the channel's thread up: it was silent, and may have been written to.
        leg.call.hangup()
        standin.run()
    assert len(leg.sent()) == leg.call.steps * 160


def test_channel_and_writer_take_over_from_each_other_without_a_loss(standin: StandIn, far: FarEnd) -> None:
    leg = make_call(standin, sends=False)
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(4000, 8000)
    far.speak(speech)
    far.finish()
    for sends in (True, False, True, False):
        sent = len(leg.sent())
        leg.until(lambda sent=sent: len(leg.sent()) >= sent + 15 * 160)  # type: ignore[misc]
        leg.call.set_sends(sends)
    leg.wait_for("openai_speech_stop")
    leg.until(lambda: leg.place(speech) == 0)


def test_what_is_queued_is_heard_after_the_engine_has_died(
    standin: StandIn, far: FarEnd, engine: EngineProcess
) -> None:
    leg = make_call(standin, sends=False)
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(noise(10_000, 8000))
    leg.until(lambda: len(leg.sent()) >= 1600)
    engine.kill()
    leg.wait_for("disconnect")
    leg.call.wait_steps(40)
    sent = len(leg.sent())
    leg.call.wait_steps(20)
    assert len(leg.sent()) == sent
    leg.call.hangup()


def test_calls_end_and_the_module_unloads_while_channels_are_written_to(standin: StandIn, far: FarEnd) -> None:
    for _ in range(3):
        legs = [make_call(standin, sends=False) for _ in range(4)]
        for leg in legs:
            leg.start(f"{far.url} mono 8k 8k")
            far.speak(noise(5000, 8000))
        for leg in legs:
            leg.until(lambda leg=leg: len(leg.sent()) > 800)  # type: ignore[misc]
        legs[0].call.hangup()
        assert legs[1].command("stop") == "+OK Success"
        standin.unload(force=True)
        assert [leg.call.bug_count for leg in legs] == [0, 0, 0, 0]
        standin.load()
        for leg in legs:
            leg.call.hangup()
