"""A call whose host dies, and another that goes on with it; and what goes to the worker, in which order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from typing_extensions import override

from mod_openai_realtime.agent import Agent, Call, control, tool
from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.driver import MAX_UNKEPT, Driver
from mod_openai_realtime.agent.pace import BURST, MAX_EVENT_BYTES, PER_S
from mod_openai_realtime.agent.testing.clock import StillClock

FACTS = m.Facts(uuid="u-1", parameters={"table": "4"}, started_at="2026-11-29T09:00:00+00:00")


class Shop(Agent):
    instructions = "Sell."
    greeting = "Hello."

    def __init__(self) -> None:
        self.notes: list[str] = []

    @override
    async def on_start(self, call: Call) -> None:
        self.notes.append("start")

    @override
    async def on_connect(self, call: Call, restored: bool) -> None:
        self.notes.append(f"connect {restored}")

    @tool
    async def forever(self) -> None:
        await asyncio.Event().wait()


class Night(Agent):
    instructions = "Sell at night."
    voice = "cedar"

    def __init__(self, price: float, customer: object = None) -> None:
        self.price, self.customer = price, customer


class Worker:
    """Keeps what it is told, as a worker does: through JSON."""

    def __init__(self) -> None:
        self.told: list[m.Acts] = []
        self.kept = m.Kept()
        self.over = False

    def acts(self, acts: m.Acts) -> None:
        (read,) = m.HostMessages().feed(m.encode(acts))
        assert isinstance(read, m.Acts)
        self.told.append(read)
        if read.keep is not None:
            self.kept = m.Kept(read.keep.state, {**self.kept.turns, **read.keep.turns})

    def spool(self, driver: Driver) -> str | None:
        return None

    def private(self, make: Callable[[], Agent]) -> str:
        raise NotImplementedError

    def forget(self, name: str) -> None:
        raise NotImplementedError

    def ended(self, driver: Driver) -> None:
        self.over = True

    @property
    def all(self) -> list[m.Act]:
        return [act for acts in self.told for act in acts.acts]

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [act.event for act in self.all if isinstance(act, m.Send)]


async def rounds() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def event(n: int, **fields: Any) -> m.Event:
    return m.Event(7, n, msgspec.Raw(json.dumps(fields).encode()))


def called(n: int) -> list[m.Event]:
    item = {"type": "function_call", "call_id": "c1", "name": "forever", "arguments": "{}", "status": "completed"}
    return [
        event(n, type="response.created", response={"id": "r1"}),
        event(n + 1, type="response.output_item.done", response_id="r1", item=item),
        event(n + 2, type="response.done", response={"id": "r1", "status": "completed"}),
    ]


async def begun(worker: Worker, agent: type[Agent] = Shop, begin: m.Begin | None = None) -> Driver:
    driver = Driver(begin or m.Begin(7, 1, "shop", FACTS), agent, worker, worker)
    driver.start()
    await rounds()
    return driver


async def test_first_comes_the_plan_then_the_greeting_with_the_session() -> None:
    worker = Worker()
    driver = await begun(worker)
    assert [type(act) for act in worker.all] == [m.Plan] and worker.told[0].through == 1
    driver.receive(m.Connected(7, 2))
    await rounds()
    assert [each["type"] for each in worker.sent] == ["response.create"]
    assert worker.told[-1].through == 2
    driver.drop()


async def test_messages_that_nothing_follows_from_are_worked_off_all_the_same() -> None:
    worker = Worker()
    driver = await begun(worker)
    driver.receive(m.Connected(7, 2))
    await rounds()
    before = len(worker.told)
    for n in range(MAX_UNKEPT):
        driver.receive(event(3 + n, type="rate_limits.updated"))
    assert [(each.through, each.acts, each.keep) for each in worker.told[before:]] == [(2 + MAX_UNKEPT, [], None)]
    driver.drop()


async def test_what_is_sent_without_a_session_waits_for_the_next() -> None:
    worker = Worker()
    driver = await begun(worker)
    driver.receive(m.Connected(7, 2, True))
    await rounds()
    driver.receive(m.Lost(7, 3))
    await driver.call.tell("Well.")
    driver.receive(m.Digit(7, 4, "1"))
    driver.receive(m.Digit(7, 5, "#"))
    assert worker.sent == []
    driver.receive(m.Connected(7, 6, True, "reconnect"))
    assert [each["type"] for each in worker.sent] == ["conversation.item.create"] * 2 + ["response.create"]
    driver.drop()


async def test_another_host_goes_on_with_turns_and_digits_and_answers_the_calls_that_ran() -> None:
    worker = Worker()
    driver = await begun(worker)
    driver.receive(m.Connected(7, 2))
    transcribed = "conversation.item.input_audio_transcription.completed"
    driver.receive(event(3, type=transcribed, item_id="i", transcript="Hello?"))
    for message in called(4):
        driver.receive(message)
    driver.receive(m.Digit(7, 7, "4"))
    await rounds()
    assert driver.brain.coordinator.unanswered == ["c1"]
    driver.drop()

    other = Worker()
    again = await begun(other, begin=m.Begin(7, 8, "shop", FACTS, kept=worker.kept, connected=True))
    agent = again.agent
    assert isinstance(agent, Shop) and agent.notes == ["connect True"], "no on_start, and no greeting"
    assert [each["type"] for each in other.sent] == ["conversation.item.create", "response.create"]
    assert other.sent[0]["item"]["call_id"] == "c1" and "failed" in other.sent[0]["item"]["output"]
    assert [turn.text for turn in again.call.turns] == ["Hello?"]
    assert again.call.parameters == {"table": "4"} and again.brain.keys.group == "4"
    assert again.call.state == "talking"
    again.drop()


@pytest.mark.parametrize("customer", [None, object()], ids=["JSON", "no JSON"])
async def test_an_agent_that_has_taken_the_call_over_is_the_one_that_goes_on(
    customer: object, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker()
    driver = await begun(worker)
    driver.receive(m.Connected(7, 2))
    driver.receive(m.Speech(7, 3, True))
    await driver.hand_over(Night(2.5, customer=customer))
    await rounds()
    driver.drop()
    other = Worker()
    again = await begun(other, begin=m.Begin(7, 4, "shop", FACTS, kept=worker.kept, connected=True))
    if customer is None:
        assert isinstance(again.agent, Night) and again.agent.price == 2.5
        assert other.sent == [], "the session is as it was asked for"
    else:  # a price is missing: the call goes on all the same
        assert isinstance(again.agent, Shop) and "Night can't be made again" in caplog.text
        (update,) = other.sent
        assert update["session"]["instructions"] == "Sell." and "output" not in update["session"]["audio"]
    again.drop()


async def test_what_a_host_that_died_would_have_undone_is_undone() -> None:
    worker = Worker()
    driver = await begun(worker)
    driver.receive(m.Connected(7, 2))
    holding = asyncio.ensure_future(driver.call.hold())
    await rounds()
    asked = next(act for act in worker.all if isinstance(act, m.Execute))
    driver.receive(m.Result(7, 3, asked.id, True))
    await holding
    with driver.undone_by(control.end("u-2")):
        driver.perform([])
        driver.drop()
        kept = worker.kept
    other = Worker()
    (await begun(other, begin=m.Begin(7, 4, "shop", FACTS, kept=kept, connected=True))).drop()
    executed = [(act.kind, act.name, act.arguments) for act in other.all if isinstance(act, m.Execute)]
    assert executed == [("hold", "off", ""), ("api", "uuid_kill", "u-2")]


async def test_an_answer_to_what_another_host_has_asked_for_means_nothing() -> None:
    worker = Worker()
    driver = await begun(worker)
    driver.receive(m.Connected(7, 2))
    asking = asyncio.ensure_future(driver.call.variable("a"))
    await rounds()
    asked = next(act for act in worker.all if isinstance(act, m.Execute))
    driver.drop()
    asking.cancel()
    other = Worker()
    again = await begun(other, begin=m.Begin(7, 3, "shop", FACTS, kept=worker.kept, connected=True))
    waiting = asyncio.ensure_future(again.call.variable("b"))
    await rounds()
    again.receive(m.Result(7, 4, asked.id, True, "of a"))
    await rounds()
    assert not waiting.done()
    again.drop()
    waiting.cancel()


async def test_instructions_and_tools_are_sent_again_only_where_they_have_changed() -> None:
    class Changed(Shop):
        instructions = "Sell more."

    worker = Worker()
    driver = await begun(worker)
    driver.receive(m.Connected(7, 2))
    await rounds()
    driver.drop()
    begin = m.Begin(7, 3, "shop", FACTS, kept=worker.kept, connected=True)
    same, changed = Worker(), Worker()
    (await begun(same, begin=begin)).drop()
    (await begun(changed, Changed, begin)).drop()
    assert same.sent == []
    (update,) = changed.sent
    assert update["session"]["instructions"] == "Sell more."


async def test_where_there_was_no_session_yet_the_next_host_begins_anew() -> None:
    worker = Worker()
    driver = await begun(worker, begin=m.Begin(7, 1, "shop", FACTS))
    driver.drop()
    again = Worker()
    other = await begun(again, begin=m.Begin(7, 2, "shop", FACTS, kept=worker.kept, connected=False))
    other.receive(m.Connected(7, 3))
    await rounds()
    assert isinstance(other.agent, Shop)
    other.drop()


async def test_the_end_is_worked_off_and_told() -> None:
    worker = Worker()
    driver = await begun(worker)
    driver.receive(m.Connected(7, 2))
    for message in called(3):
        driver.receive(message)
    await rounds()
    driver.receive(m.Ended(7, 6, "caller"))
    for task in list(driver._tool_tasks.values()):
        task.cancel()  # what runs at the end is given some seconds
    for _ in range(100):
        await asyncio.sleep(0)
    assert worker.over and isinstance(worker.all[-1], m.Done)
    assert worker.told[-1].through == 6


async def test_a_worker_that_is_gone_is_the_end_of_its_calls() -> None:
    worker = Worker()
    driver = await begun(worker)
    driver.abandon()
    await rounds()
    assert worker.over and driver.reason == "stopped"


async def test_a_caller_who_hangs_up_before_the_agent_has_begun() -> None:
    class Slow(Shop):
        ends: list[str] = []  # noqa: RUF012

        @override
        async def on_start(self, call: Call) -> None:
            await asyncio.Event().wait()

        @override
        async def on_end(self, call: Call, reason: str) -> None:
            self.ends.append(reason)

    worker = Worker()
    driver = await begun(worker, Slow)
    driver.receive(m.Ended(7, 2, "caller"))
    await rounds()
    assert worker.over
    assert [type(act) for act in worker.all] == [m.Done]


async def test_who_wants_a_lot_of_its_call_waits() -> None:
    worker, clock = Worker(), StillClock()
    driver = Driver(m.Begin(7, 1, "shop", FACTS), Shop, worker, worker, clock)
    driver.start()
    await rounds()
    driver.receive(m.Connected(7, 2))
    await rounds()
    before, asked = len(worker.sent), BURST + PER_S
    asking = [asyncio.create_task(driver.call.tell(str(n))) for n in range(asked)]
    await rounds()
    assert BURST - 1 <= len(worker.sent) - before <= BURST + 1
    clock.next_timer(0.5)
    while clock.next_timer(0.5):
        pass
    await rounds()
    assert len(worker.sent) - before == pytest.approx(BURST + PER_S / 2, abs=2)
    while clock.next_timer(2):
        pass
    await asyncio.gather(*asking)
    texts = [each["item"]["content"][0]["text"] for each in worker.sent[before:]]
    assert texts == [str(n) for n in range(asked)]
    driver.drop()


async def test_who_waits_for_its_turn_when_the_call_ends_is_told_so() -> None:
    worker, clock = Worker(), StillClock()
    driver = Driver(m.Begin(7, 1, "shop", FACTS), Shop, worker, worker, clock)
    driver.start()
    await rounds()
    asking = [asyncio.create_task(driver.call.api("status")) for _ in range(BURST + PER_S)]
    await rounds()
    driver.receive(m.Ended(7, 2, "caller"))
    while clock.next_timer(2):
        pass
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert {str(each) for each in results} == {"the call is over"}
    driver.drop()


async def test_an_event_that_is_too_large_is_an_error_where_it_is_sent() -> None:
    worker = Worker()
    driver = await begun(worker)
    with pytest.raises(ValueError, match="at most can be sent"):
        await driver.call.tell("x" * MAX_EVENT_BYTES)
    driver.drop()
