"""What a server wants to hear now and then."""

from __future__ import annotations

import pytest
from timers import Timers

from mod_openai_realtime.dialect.profiles import OPENAI, VLLM
from mod_openai_realtime.stream.keep_alive import KeepAlive


def test_it_is_said_again_and_again_until_the_connection_ends() -> None:
    timers, said = Timers(), list[bytes]()
    keep_alive = KeepAlive(timers.later, said.append)
    keep_alive.begin(VLLM)
    keep_alive.begin(VLLM)
    assert timers.run_out() == [30]
    assert timers.run_out() == [30]
    assert said == [b'{"type":"session.heartbeat"}'] * 2
    keep_alive.end()
    keep_alive.end()
    assert timers.running == []


@pytest.mark.parametrize("times", [1, 2])
def test_most_servers_want_none(times: int) -> None:
    timers, said = Timers(), list[bytes]()
    keep_alive = KeepAlive(timers.later, said.append)
    for _ in range(times):
        keep_alive.begin(OPENAI)
    assert timers.running == [] and said == []
