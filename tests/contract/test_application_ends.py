"""However the channel ends or moves, and whatever the engine does meanwhile: the application returns, nothing stays."""

from __future__ import annotations

import contextlib

import pytest
from contract import FarEnd
from contract.dialplan import Dialplan, result
from engine_process import EngineProcess

from mod_openai_realtime.local.behaviour import Behaviour, Ending, first
from mod_openai_realtime.standin import CallGoneError, ChannelState


def test_a_hangup_while_the_engine_is_asked(dialplan: Dialplan, far: FarEnd, engine: EngineProcess) -> None:
    leg = dialplan.call()
    with engine.held():
        running = dialplan.run(leg, f"{far.url} mono")
        ended = dialplan.hang_up(leg)
    with contextlib.suppress(CallGoneError):  # the hang-up may be first
        running.result(10)
    ended.result(10)


def test_a_hangup_between_the_start_and_the_wait(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call()
    leg.call.leave_when_tapped(transfer=False)
    running = dialplan.run(leg, f"{far.url} mono")
    running.result(10)
    leg.call.hangup()
    far.until(lambda connections: all(connection.closed for connection in connections))


def test_a_transfer_between_the_start_and_the_wait(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call()
    leg.call.leave_when_tapped(transfer=True)
    dialplan.run(leg, f"{far.url} mono").result(10)
    assert result(leg) == ("transferred", None)
    assert leg.call.bug_count == 0


def test_a_transfer_before_the_stream_starts(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call()
    leg.call.transfer()
    dialplan.run(leg, f"{far.url} mono").result(10)
    assert result(leg) == ("transferred", None)
    assert leg.call.bug_count == 0
    assert far.connections == []


@pytest.mark.parametrize("how", ["broken", "transferred"])
def test_without_an_engine_its_stream_leaves_the_channel(
    dialplan: Dialplan, far: FarEnd, engine: EngineProcess, how: str
) -> None:
    leg = dialplan.call()
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    engine.kill()
    leg.wait_for("disconnect")
    if how == "broken":
        leg.call.break_application()
    else:
        leg.call.transfer()
    running.result(10)
    assert result(leg) == (how, None)
    assert leg.call.bug_count == 0


def test_an_engine_that_does_not_answer_in_time_leaves_no_stream(
    dialplan: Dialplan, far: FarEnd, engine: EngineProcess
) -> None:
    leg = dialplan.call()
    with engine.held():
        dialplan.run(leg, f"{far.url} mono").result(20)
    assert result(leg) == ("failed", "Engine did not answer")
    assert leg.call.bug_count == 0
    assert leg.command("list") == "+OK []"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_that_will_not_change_fails_at_once(dialplan: Dialplan, far: FarEnd, status: int) -> None:
    far.behave(Behaviour(refuse_status=status))
    leg = dialplan.call(variables={"STREAM_CONNECT_TIMEOUT_S": "300"})
    dialplan.run(leg, f"{far.url} mono").result(10)
    outcome, reason = result(leg)
    assert outcome == "failed"
    assert reason is not None and reason.startswith(f"No connection: HTTP {status}")
    assert leg.call.state is ChannelState.ANSWERED
    assert leg.call.bug_count == 0


def test_a_server_that_refuses_once_the_connection_is_open_fails_at_once(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(Behaviour(raw=True, ending=Ending(4000, "model_not_found")))
    leg = dialplan.call(variables={"STREAM_CONNECT_TIMEOUT_S": "300"})
    dialplan.run(leg, f"{far.url} mono").result(10)
    assert result(leg) == ("failed", "No connection: 4000 model_not_found")
    assert leg.call.bug_count == 0


def test_no_connection_in_time_fails(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(Behaviour(refuse_status=503))
    leg = dialplan.call(variables={"STREAM_CONNECT_TIMEOUT_S": "1"})
    dialplan.run(leg, f"{far.url} mono").result(20)
    assert result(leg) == ("failed", "No connection within 1 s: HTTP 503 Service Unavailable")
    assert leg.call.bug_count == 0


def test_a_server_that_never_answers_the_handshake_fails(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(Behaviour(hang_handshake=True))
    leg = dialplan.call(variables={"STREAM_CONNECT_TIMEOUT_S": "1"})
    dialplan.run(leg, f"{far.url} mono").result(20)
    assert result(leg) == ("failed", "No connection within 1 s")


def test_without_reconnection_the_first_failure_is_the_end(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(Behaviour(refuse_status=503))
    leg = dialplan.call(variables={"STREAM_NO_RECONNECT": "true"})
    dialplan.run(leg, f"{far.url} mono").result(10)
    assert result(leg) == ("failed", "No connection: HTTP 503 Service Unavailable")


def test_a_connection_that_came_up_is_no_failure(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call(variables={"STREAM_NO_RECONNECT": "true"})
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    far.close()
    running.result(10)
    assert result(leg) == ("stopped", None)


def test_a_few_failures_within_the_time_are_none(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(first(3, Behaviour(refuse_status=503), Behaviour(raw=True)))
    leg = dialplan.call()
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    leg.call.break_application()
    running.result(10)
    assert result(leg) == ("broken", None)


def test_the_api_form_goes_on_trying(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(Behaviour(refuse_status=401))
    leg = dialplan.call(variables={"STREAM_CONNECT_TIMEOUT_S": "1"})
    assert leg.command(f"start {far.url} mono") == "+OK Success"
    leg.wait_for("error")
    assert '"connected":false' in leg.command("list")
