"""A session without a network, a clock that only tests move, and the official SDK's types as judges."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import official_types
import pytest

from mod_openai_realtime.local.agent import Context, Turn, new_model
from mod_openai_realtime.local.behaviour import GOOD, Behaviour
from mod_openai_realtime.local.session import Services, Session, Transcriber
from mod_openai_realtime.local.settings import SessionSettings


@pytest.fixture
def check_server_event() -> Callable[[dict[str, Any]], None]:
    """Fails for an event that the SDK's types don't know exactly so."""
    return official_types.check_server_event


@pytest.fixture
def check_client_event() -> Callable[[dict[str, Any]], None]:
    return official_types.check_client_event


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep_until(self, when: float) -> None:
        if when <= self._now:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((when, waiter))
        await waiter

    async def move(self, seconds: float) -> None:
        """Wakes all sleepers of this time in order, and lets each run until it sleeps again."""
        end = self._now + seconds
        await settle()
        while due := sorted((when for when, waiter in self._sleepers if when <= end and not waiter.done())):
            self._now = max(self._now, due[0])
            for when, waiter in self._sleepers:
                if when <= self._now and not waiter.done():
                    waiter.set_result(None)
            self._sleepers = [each for each in self._sleepers if not each[1].done()]
            await settle()
        self._now = end


async def settle() -> None:
    """Lets everything run that can run without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)


class LoudnessModel:
    """Speech is what is loud: a stand-in for the network."""

    def start(self) -> None:
        return None

    def probability(self, state: Any, frame: Any) -> tuple[float, Any]:
        return float(np.abs(frame).max() > 0.1), state


class SilentVoice:
    """Says each word in 100 ms of samples that count upwards."""

    async def speak(self, text: str, rate: int, speed: float = 1.0) -> Any:
        return (np.arange(len(text.split()) * rate // 10) % 1000).astype(np.int16)


class Bench:
    """A session, whatever it sent, and shorthands to feed it."""

    def __init__(
        self,
        agent: Any = None,
        behaviour: Behaviour = GOOD,
        transcriber: Transcriber | None = None,
        model: Any = None,
        voice: Any = None,
        transcribing: bool = False,
    ) -> None:
        self.clock = ManualClock()
        self.events: list[dict[str, Any]] = []
        services = Services(voice or SilentVoice(), model or LoudnessModel(), transcriber, self.clock)
        settings = SessionSettings("sess_1", "gpt-realtime-2.1", 1, transcribing=transcribing)
        self.session = Session(settings, services, new_model(agent), self, behaviour)
        self.check: Callable[[dict[str, Any]], None] = lambda event: None

    def emit(self, event: dict[str, Any]) -> None:
        event = {"event_id": f"event_{len(self.events)}", **event}
        self.check(event)
        self.events.append(event)

    async def drained(self) -> None:
        await asyncio.sleep(0)

    async def send(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """The events that this one caused, until time would have to pass."""
        before = len(self.events)
        await self.session.handle({"type": kind, **fields})
        await settle()
        return self.events[before:]

    async def update(self, **fields: Any) -> list[dict[str, Any]]:
        return await self.send("session.update", session={"type": "realtime", **fields})

    async def hear(self, ms: int, level: int = 0) -> list[dict[str, Any]]:
        """Pcm16 at 24 kHz of one level, alternating in sign slowly enough for the detector."""
        samples = np.where(np.arange(ms * 24) // 24 % 2, level, -level).astype("<i2")
        return await self.send("input_audio_buffer.append", audio=base64.b64encode(samples.tobytes()).decode())

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def only(self, kind: str) -> dict[str, Any]:
        (event,) = self.of(kind)
        return event


@pytest.fixture
def make_bench(check_server_event: Callable[[dict[str, Any]], None]) -> Callable[..., Bench]:
    """Every event that a session of these sends is checked against the SDK's types."""

    def make(**options: Any) -> Bench:
        bench = Bench(**options)
        bench.check = check_server_event
        bench.session.open()
        return bench

    return make


@pytest.fixture
def ten_words() -> Callable[[Context], Turn]:
    return lambda context: Turn(text="one two three four five six seven eight nine ten")
