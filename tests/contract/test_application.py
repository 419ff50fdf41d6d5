"""The dialplan application: a stream for as long as it runs, and how it ended in the channel's variables."""

from __future__ import annotations

import pytest
from audio.tones import noise
from contract import FarEnd
from contract.dialplan import Dialplan, result

from mod_openai_realtime.standin import ChannelState, StandIn


def test_it_runs_until_its_stream_is_stopped(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call()
    running = dialplan.run(leg, f"{far.url} mono 8k 8k stream=agent")
    leg.wait_for("connect")
    speech = noise(800, 8000)
    far.speak(speech)
    far.finish()
    leg.until(lambda: leg.place(speech) >= 0)
    assert not running.done()
    assert result(leg) == (None, None)
    assert leg.command("stop stream=agent") == "+OK Success"
    running.result(10)
    assert result(leg) == ("stopped", None)


def test_it_sends_one_frame_for_each_that_it_reads(dialplan: Dialplan, standin: StandIn, far: FarEnd) -> None:
    leg = dialplan.call()
    running = dialplan.run(leg, f"{far.url} mono 8k 8k")
    leg.wait_for("connect")
    leg.until(lambda: len(leg.sent()) > 0)
    before, steps = len(leg.sent()), leg.call.steps
    speech = noise(1000, 8000)
    far.speak(speech)
    far.finish()
    leg.until(lambda: leg.place(speech) >= 0)
    frames = (len(leg.sent()) - before) // 160
    assert frames <= leg.call.steps - steps + 1
    leg.call.break_application()
    running.result(10)


def test_a_channel_without_media_is_answered(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call("ringing")
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    assert leg.call.state is ChannelState.ANSWERED
    leg.call.break_application()
    running.result(10)


def test_early_media_stays_early(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call("early")
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    assert leg.call.state is ChannelState.EARLY
    leg.call.break_application()
    running.result(10)


@pytest.mark.parametrize("how", ["broken", "transferred"])
def test_breaking_out_of_it_ends_its_stream(dialplan: Dialplan, far: FarEnd, how: str) -> None:
    leg = dialplan.call()
    running = dialplan.run(leg, f"{far.url} mono stream=agent")
    leg.wait_for("connect")
    if how == "broken":
        leg.call.break_application()
    else:
        leg.call.transfer()
    running.result(10)
    assert result(leg) == (how, None)
    assert leg.command("list") == "+OK []"
    assert leg.call.bug_count == 0
    far.until_closed()


def test_a_hangup_ends_it(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call()
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    leg.call.hangup()
    running.result(10)
    far.until_closed()


def test_other_streams_of_the_channel_go_on_after_it(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call()
    leg.start(f"{far.url} mono 8k send stream=notes")
    running = dialplan.run(leg, f"{far.url} mono stream=agent")
    leg.wait_for("connect")
    leg.call.break_application()
    running.result(10)
    assert '"name":"notes"' in leg.command("list")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("", "Start requires a WebSocket URI and mix type (mono, mixed or stereo)"),
        ("ws://localhost/ quadro", "Invalid mix type; expected mono, mixed or stereo"),
        ("http://localhost/ mono", "Invalid WebSocket URI; expected ws:// or wss:// with a valid host and port"),
        (
            "ws://localhost/ mono stream=Agent",
            "Invalid stream name; expected 1-64 lowercase letters, digits, '_' or '-'",
        ),
    ],
)
def test_a_bad_argument_is_told_and_the_call_goes_on(
    dialplan: Dialplan, standin: StandIn, arguments: str, reason: str
) -> None:
    leg = dialplan.call()
    dialplan.run(leg, arguments).result(10)
    assert result(leg) == ("failed", reason)
    assert any(reason in line.text for line in standin.log())
    assert leg.call.state is ChannelState.ANSWERED


def test_a_stale_result_is_gone_while_it_runs_again(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call()
    dialplan.run(leg, "nonsense").result(10)
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    assert result(leg) == (None, None)
    leg.call.break_application()
    running.result(10)
    assert result(leg) == ("broken", None)


def test_digits_are_taken_while_it_runs(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call()
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    leg.call.dial("123")
    leg.until(lambda: leg.call.dial("") == 0)
    assert not running.done()
    leg.call.break_application()
    running.result(10)
