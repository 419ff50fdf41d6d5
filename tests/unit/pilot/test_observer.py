"""Who hears of a stream hears of all of it, and the one who acts on it is told first."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from timers import Timers

from mod_openai_realtime.later import Later
from mod_openai_realtime.pilot.observer import Audience, Observer, Stage
from mod_openai_realtime.realtime.endpoint import EndpointSettings
from mod_openai_realtime.stream.piloting import Piloting
from mod_openai_realtime.stream.settings import Settings
from mod_openai_realtime.stream.stream_plan import StreamPlan
from mod_openai_realtime.switch.channel_facts import ChannelFacts
from mod_openai_realtime.switch.command import Start
from mod_openai_realtime.switch.stream_verbs import parse_command

HAPPENINGS = [name for name, member in vars(Observer).items() if inspect.isfunction(member)]


class Notes(Observer):
    """Every happening becomes an entry of `told`, with the notes' own name."""

    def __init__(self, name: str, told: list[Any]) -> None:
        self.name, self.told = name, told

    def __getattribute__(self, attribute: str) -> Any:
        if attribute not in HAPPENINGS:
            return super().__getattribute__(attribute)
        return lambda *arguments, **named: self.told.append((self.name, attribute, arguments, named))


class Tower:
    """A stream, as its observers and its pilot see it."""

    name = "default"

    def __init__(self) -> None:
        self.later: Later = Timers().later
        self.events: list[str] = []

    def event(self, subclass: str, body: bytes) -> None:
        self.events.append(subclass)

    def log(self, level: int, text: str) -> None: ...
    def send_json(self, payload: bytes) -> None: ...
    def silence(self) -> None: ...
    def stop(self, payload: bytes | None = None) -> None: ...


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_what_happens_is_told_to_each_in_turn(happening: str) -> None:
    told: list[Any] = []
    parameters = list(inspect.signature(getattr(Observer, happening)).parameters.values())[1:]
    arguments = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
    named = {p.name: p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    getattr(Audience([Notes("a", told), Notes("b", told)]), happening)(*arguments, **named)
    assert told == [("a", happening, arguments, named), ("b", happening, arguments, named)]


def plan(**more: Any) -> StreamPlan:
    start = parse_command("start ws://h/ mono")
    assert isinstance(start, Start)
    settings, _ = Settings.read({}, raw_api=False)
    return StreamPlan(1, start, settings, EndpointSettings("ws://h/"), ChannelFacts(8000, 8000, 20), "test", **more)


def test_a_stream_fires_its_events_whoever_its_pilot_is() -> None:
    told: list[Any] = []
    tower = Tower()

    def notes(name: str) -> Callable[[Stage], Observer]:
        return lambda stage: Notes(name, told)

    plan().audience(tower).connected()
    assert tower.events == ["connect"] and told == []
    plan(piloting=Piloting(notes("pilot"), (notes("one"), notes("two")))).audience(tower).connected()
    assert tower.events == ["connect", "connect"] and [name for name, *_ in told] == ["pilot", "one", "two"]
