"""What a call of a test waits for before it begins; whole calls are in examples/ and tests/freeswitch."""

from __future__ import annotations

from typing import Any

import pytest

from mod_openai_realtime.agent import Agent
from mod_openai_realtime.agent.testing import Phone
from mod_openai_realtime.agent.testing import phone as phone_module


class Quiet(Agent):
    instructions = "Say nothing."


class NoLineError(Exception):
    pass


class Exchange:
    """One that has no line left."""

    busy = False

    def __init__(self, happened: list[str]) -> None:
        self._happened = happened

    def serve(self, agent: type[Agent]) -> str:
        self._happened.append("serve")
        return agent.__name__

    def begin_call(self, latency_ms: int, away: bool) -> None:
        self._happened.append("call")

    def line(self, dialling: Any) -> None:
        raise NoLineError


class Voice:
    def __init__(self, happened: list[str]) -> None:
        self._happened = happened

    async def load(self) -> None:
        self._happened.append("voice")


async def test_the_voice_is_loaded_before_the_time_of_any_answer_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    monkeypatch.setattr(phone_module, "hibari", lambda: Voice(happened))
    exchange = Exchange(happened)
    with pytest.raises(NoLineError):
        async with Phone(exchange).call(Quiet):  # type: ignore[arg-type]
            pass
    assert happened == ["serve", "voice", "call"]
    assert not exchange.busy
