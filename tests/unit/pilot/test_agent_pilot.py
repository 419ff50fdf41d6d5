"""What an agent is told of its stream."""

from __future__ import annotations

from typing import Any

from timers import Timers

from mod_openai_realtime.agent.messages import Event
from mod_openai_realtime.limits import EVENT_BURST, EVENT_RESERVE
from mod_openai_realtime.pilot.agent_pilot import AgentPilot


class Stream:
    sounding = False

    def __init__(self) -> None:
        self.timers = Timers()
        self.later = self.timers.later
        self.logged: list[str] = []

    def log(self, level: int, text: str) -> None:
        self.logged.append(text)


class Call:
    def __init__(self) -> None:
        self.told: list[bytes] = []

    def tell(self, kind: Any, *arguments: Any, **_fields: Any) -> None:
        if kind is Event:
            self.told.append(bytes(arguments[0]))


def test_of_a_server_that_floods_an_agent_is_told_no_more_than_an_application() -> None:
    stream: Any = Stream()
    call: Any = Call()
    over: list[str] = []
    pilot = AgentPilot(stream, call, lambda reason, _detail: over.append(reason))
    delta, done = b'{"type":"response.output_text.delta"}', b'{"type":"response.done"}'
    for _ in range(10 * EVENT_BURST):
        pilot.forward("response.output_text.delta", delta)
    pilot.forward("response.done", done)
    told = len(call.told)
    # Some more for the time that the test takes.
    assert EVENT_BURST - EVENT_RESERVE < told < 2 * EVENT_BURST and call.told[-1] == done
    assert stream.logged == []
    stream.timers.run_out()
    (line,) = stream.logged
    assert line.startswith(f"{10 * EVENT_BURST + 1 - told} messages not told to the agent")
    for _ in range(10 * EVENT_BURST):
        pilot.forward("response.output_text.delta", delta)
    pilot.summary({"reason": "hangup"})
    assert len(stream.logged) == 2 and over == ["hangup"] and stream.timers.running == []
