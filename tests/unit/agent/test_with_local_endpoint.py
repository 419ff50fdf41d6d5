"""An agent and a server of the API that is not made for it, with what the official SDK knows of messages as a judge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import numpy as np
import official_types
from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect

from mod_openai_realtime.agent import Agent, Call, Turn, tool
from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.driver import Driver
from mod_openai_realtime.agent.wording import message_item
from mod_openai_realtime.local.agent import Context, FunctionCall
from mod_openai_realtime.local.agent import Turn as Spoken
from mod_openai_realtime.local.server import LocalEndpoint

TONE = np.zeros(2400, dtype=np.int16)


class Shop(Agent):
    instructions = "Sell."
    greeting = "Say hello."
    transcription = None

    def __init__(self, turned: asyncio.Queue[Turn]) -> None:
        self.turned = turned

    @tool
    async def hours(self, day: str) -> dict[str, str]:
        """When it is open."""
        return {"opens": "07:00"}

    @tool
    async def price(self) -> int:
        return 3

    @tool
    async def finish(self, call: Call) -> None:
        await call.hang_up()

    @override
    async def on_turn(self, call: Call, turn: Turn) -> None:
        self.turned.put_nowait(turn)


def model(context: Context) -> Spoken:
    if context.asked is not None:
        return Spoken(context.asked.rpartition(" ")[2])
    if context.results:
        return Spoken("I know.")
    text = json.dumps(context.items[-1])
    if "both" in text:
        return Spoken(calls=(FunctionCall("hours", '{"day":"monday"}'), FunctionCall("price")))
    if "bye" in text:
        return Spoken("Goodbye.", calls=(FunctionCall("finish"),))
    if "wrong" in text:
        return Spoken(calls=(FunctionCall("hours", '{"date":1}'),))
    return Spoken("Well.")


class Worker:
    """Between a driver and the endpoint; what comes is heard at once."""

    def __init__(self, client: ClientConnection) -> None:
        self.client = client
        self.sent: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.executed: list[str] = []
        self.done = asyncio.Event()
        self.turned: asyncio.Queue[Turn] = asyncio.Queue()
        self._n = 1
        self.driver = Driver(m.Begin(1, 1, "shop", m.Facts("u-1")), lambda: Shop(self.turned), self, self)

    def n(self) -> int:
        self._n += 1
        return self._n

    def acts(self, acts: m.Acts) -> None:
        for act in acts.acts:
            if isinstance(act, m.Plan):
                self.send({"type": "session.update", "session": act.session})
            elif isinstance(act, m.Send):
                self.send(act.event)
            elif isinstance(act, m.Execute):
                self.executed.append(act.kind)
                self.driver.receive(m.Result(1, self.n(), act.id, True))
                self.driver.receive(m.Ended(1, self.n(), "hang_up"))
            elif isinstance(act, m.Done):
                self.done.set()

    def send(self, event: dict[str, Any]) -> None:
        official_types.check_client_event(event)
        self.sent.append(event)
        self._sending = asyncio.ensure_future(self.client.send(json.dumps(event)))

    async def read(self) -> None:
        heard: dict[str, int] = {}
        async for text in self.client:
            event = json.loads(text)
            kind, response = event["type"], event.get("response_id", "")
            if kind == "response.output_audio.delta":
                if response not in heard:
                    self.driver.receive(m.Playback(1, self.n(), False))
                heard[response] = heard.get(response, 0) + 20
                continue
            if kind == "error":
                self.errors.append(event)
            self.driver.receive(m.Event(1, self.n(), msgspec.Raw(json.dumps(event).encode())))
            if kind == "session.updated":
                self.driver.receive(m.Connected(1, self.n()))
            if kind == "response.done" and event["response"]["id"] in heard:
                ms = heard[event["response"]["id"]]
                self.driver.receive(m.TurnHeard(1, self.n(), event["response"]["id"], ms, ms, False))
                self.driver.receive(m.Playback(1, self.n(), True))

    def spool(self, driver: Driver) -> str | None:
        return None

    def private(self, make: Callable[[], Agent]) -> str:
        raise NotImplementedError

    def forget(self, name: str) -> None:
        raise NotImplementedError

    def ended(self, driver: Driver) -> None:
        pass


class Quick:
    """A voice that takes no time."""

    async def speak(self, text: str, rate: int, speed: float = 1.0) -> Any:
        return TONE


@asynccontextmanager
async def talking() -> AsyncIterator[Worker]:
    async with LocalEndpoint(agent=model, vad=False, voice=Quick()) as endpoint, connect(endpoint.url) as client:
        worker = Worker(client)
        reading = asyncio.create_task(worker.read())
        worker.driver.start()
        try:
            yield worker
        finally:
            worker.driver.drop()
            reading.cancel()


async def turns(worker: Worker, number: int) -> list[tuple[str, str]]:
    while len(worker.driver.call.turns) < number:
        await worker.turned.get()
    return [(turn.who, turn.text) for turn in worker.driver.call.turns]


async def says(worker: Worker, text: str) -> None:
    await worker.driver.call.send(message_item("user", text))
    await worker.driver.call.send({"type": "response.create"})


def asked(worker: Worker) -> int:
    return sum(event["type"] == "response.create" for event in worker.sent)


async def test_greeting_tools_and_one_follow_up() -> None:
    async with talking() as worker:
        assert await turns(worker, 1) == [("agent", "hello.")]
        await says(worker, "both, please")
        found = await turns(worker, 4)
        assert sorted(found[1:3]) == [("tool", "3"), ("tool", '{"opens":"07:00"}')]
        assert found[3] == ("agent", "I know.")
        assert asked(worker) == 3 and worker.errors == []


async def test_arguments_that_do_not_fit_and_what_is_to_be_said_while_another_response_is_under_way() -> None:
    async with talking() as worker:
        await turns(worker, 1)
        await says(worker, "wrong")
        heard = await asyncio.gather(*(worker.driver.call.say(f"Number {n}") for n in range(3)))
        assert [each.text for each in heard] == ["0", "1", "2"]
        found = await turns(worker, 6)
        assert "The arguments don't fit: day: Field required" in dict(found)["tool"]
        assert found[-1] == ("agent", "I know."), "what follows upon the tool waits for its turn"
        assert worker.errors == []


async def test_goodbye() -> None:
    async with talking() as worker:
        await turns(worker, 1)
        await says(worker, "bye")
        await worker.done.wait()
        assert worker.executed == ["hang_up"]
        assert [turn.text for turn in worker.driver.call.turns if turn.who == "agent"] == ["hello.", "Goodbye."]
        assert worker.errors == []
        assert worker.driver.call.usage["output_tokens"] > 0
