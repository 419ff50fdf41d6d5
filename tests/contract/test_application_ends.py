"""However the channel ends or moves, and whatever the engine does meanwhile: the application returns, nothing stays."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from contract import FarEnd
from contract.clocked import ClockedCall
from engine_process import EngineProcess

from mod_openai_realtime.local.behaviour import Behaviour, first
from mod_openai_realtime.standin import ChannelState, StandIn

APPLICATION = "openai_audio_stream"


class Dialplan:
    """Runs the application on a call, on a thread that is the session's meanwhile."""

    def __init__(self, switch: StandIn, pool: ThreadPoolExecutor) -> None:
        self._switch = switch
        self._pool = pool

    def call(self, **variables: str) -> ClockedCall:
        call = self._switch.call(8000, variables=variables)
        call.set_sends(False)
        return ClockedCall(self._switch, call)

    def run(self, leg: ClockedCall, arguments: str) -> Future[None]:
        return self._pool.submit(self._switch.execute_app, leg.call, APPLICATION, arguments)

    def hang_up(self, leg: ClockedCall) -> Future[None]:
        """The caller does. The session ends once its thread is out of the application."""
        return self._pool.submit(leg.call.hangup)


@pytest.fixture
def running_engine(engine: EngineProcess) -> EngineProcess:
    engine.start()
    return engine


@pytest.fixture
def switch(running_engine: EngineProcess, tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(engine_socket=running_engine.socket, temp_dir=tmp_path) as standin:
        standin.run()
        yield standin


@pytest.fixture
def dialplan(switch: StandIn) -> Iterator[Dialplan]:
    with ThreadPoolExecutor(4) as pool:
        yield Dialplan(switch, pool)
        for call in switch._live_calls():
            call.hangup()


def result(leg: ClockedCall) -> tuple[str | None, str | None]:
    return leg.call.variable("openai_audio_stream_result"), leg.call.variable("openai_audio_stream_reason")


def test_a_hangup_while_the_engine_is_asked(dialplan: Dialplan, far: FarEnd, running_engine: EngineProcess) -> None:
    leg = dialplan.call()
    with running_engine.held():
        running = dialplan.run(leg, f"{far.url} mono")
        ended = dialplan.hang_up(leg)
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
    dialplan: Dialplan, far: FarEnd, running_engine: EngineProcess, how: str
) -> None:
    leg = dialplan.call()
    running = dialplan.run(leg, f"{far.url} mono")
    leg.wait_for("connect")
    running_engine.kill()
    leg.wait_for("disconnect")
    if how == "broken":
        leg.call.break_application()
    else:
        leg.call.transfer()
    running.result(10)
    assert result(leg) == (how, None)
    assert leg.call.bug_count == 0


def test_an_engine_that_does_not_answer_in_time_leaves_no_stream(
    dialplan: Dialplan, far: FarEnd, running_engine: EngineProcess
) -> None:
    leg = dialplan.call()
    with running_engine.held():
        dialplan.run(leg, f"{far.url} mono").result(20)
    assert result(leg) == ("failed", "Engine did not answer")
    assert leg.call.bug_count == 0
    assert leg.command("list") == "+OK []"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_that_will_not_change_fails_at_once(dialplan: Dialplan, far: FarEnd, status: int) -> None:
    far.behave(Behaviour(refuse_status=status))
    leg = dialplan.call(STREAM_CONNECT_TIMEOUT_S="300")
    dialplan.run(leg, f"{far.url} mono").result(10)
    outcome, reason = result(leg)
    assert outcome == "failed"
    assert reason is not None and reason.startswith(f"No connection: HTTP {status}")
    assert leg.call.state is ChannelState.ANSWERED
    assert leg.call.bug_count == 0


def test_no_connection_in_time_fails(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(Behaviour(refuse_status=503))
    leg = dialplan.call(STREAM_CONNECT_TIMEOUT_S="1")
    dialplan.run(leg, f"{far.url} mono").result(20)
    assert result(leg) == ("failed", "No connection within 1 s: HTTP 503 Service Unavailable")
    assert leg.call.bug_count == 0


def test_a_server_that_never_answers_the_handshake_fails(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(Behaviour(hang_handshake=True))
    leg = dialplan.call(STREAM_CONNECT_TIMEOUT_S="1")
    dialplan.run(leg, f"{far.url} mono").result(20)
    assert result(leg) == ("failed", "No connection within 1 s")


def test_without_reconnection_the_first_failure_is_the_end(dialplan: Dialplan, far: FarEnd) -> None:
    far.behave(Behaviour(refuse_status=503))
    leg = dialplan.call(STREAM_NO_RECONNECT="true")
    dialplan.run(leg, f"{far.url} mono").result(10)
    assert result(leg) == ("failed", "No connection: HTTP 503 Service Unavailable")


def test_a_connection_that_came_up_is_no_failure(dialplan: Dialplan, far: FarEnd) -> None:
    leg = dialplan.call(STREAM_NO_RECONNECT="true")
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
    leg = dialplan.call(STREAM_CONNECT_TIMEOUT_S="1")
    assert leg.command(f"start {far.url} mono") == "+OK Success"
    leg.wait_for("error")
    assert '"connected":false' in leg.command("list")
