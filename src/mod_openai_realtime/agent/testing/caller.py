"""The caller of a test: says, keys, hears, hangs up; and the model at the other end, which does what the test says."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...local.recording import ConnectionRecord
from ...local.scripted_model import ScriptedModel
from ...local.server import LocalEndpoint
from ...local.voice import hibari
from ...standin import AgentCall
from .exchange import Exchange
from .transcript import Utterance, cut, failure, find

RATE = 8000  # Hz, of the call
LOOK_S = 0.02
ANSWER_S = 30.0
"""So long an answer may take, tools included, until it has been heard."""


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool that the model called. `error` None: it has not failed; then `result` is what the model was told."""

    name: str
    arguments: dict[str, Any]
    result: Any
    error: str | None


class Caller:
    """Of one call. `model` is its script: `model.will_say("…")`, `model.will_call("tool", name=value)`, in any chain, a
    response each. What the script does not foresee is answered with the words of the model's instructions."""

    def __init__(self, exchange: Exchange, model: ScriptedModel, variables: Mapping[str, str]) -> None:
        self.model = model
        self.heard: list[Utterance] = []
        """What came out of the channel, an entry for each answer, as far as it was heard."""
        self._exchange = exchange
        self._call = AgentCall(exchange.switch, exchange.switch.call(RATE, variables=variables))
        self._began = time.monotonic()
        self._matched = 0
        self._speaking = 0  # how often the agent has begun to
        self._connections = len(exchange.endpoint.snapshot())

    # -- the test's words

    async def says(self, text: str, *, wait: bool = True) -> None:
        """Speaks; returns when the agent's next answer has been heard, or the call is over; with `wait=False` with the
        caller's own last sample. Raises AssertionError where no answer is heard within 30 s."""
        self.model.will_hear(text)
        audio = await hibari().speak(text, RATE)
        before = len(self.heard)
        self._call.call.feed(audio.astype("<i2").tobytes())
        await self.waits(len(audio) / RATE)
        if wait:
            await self._until(lambda: any(not each.interrupted for each in self.heard[before:]), ANSWER_S, "an answer")

    async def hears(self, text: str, timeout_s: float = 15.0) -> None:
        """Returns once this was heard, in the transcript of what was really played; later than what was found by the
        hears() before. Case and punctuation do not matter. Raises AssertionError, with what was heard when."""

        def heard() -> bool:
            found = find(text, self.heard, self._matched)
            if found is not None:
                self._matched = found
            return found is not None

        deadline = time.monotonic() + timeout_s
        while not heard():
            if time.monotonic() > deadline or self._call.over:
                self._take()
                if heard():
                    return
                raise AssertionError(failure(text, self.heard, timeout_s))
            await self._look()

    async def interrupts(self, text: str, *, after_ms: int = 800) -> None:
        """Speaks into what the agent says, so long after its first sample; returns as says() does."""
        began = self._speaking
        if self._call_is_silent():
            await self._until(lambda: self._speaking > began, ANSWER_S, "the agent's voice")
        await self.waits(after_ms / 1000)
        await self.says(text)

    async def keys(self, digits: str) -> None:
        """Presses these keys of the telephone."""
        self._call.call.dial(digits)
        await self._look()

    async def waits(self, seconds: float) -> None:
        """Lets real time pass."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._call.over:
            await self._look()

    async def hangs_up(self) -> None:
        """Returns once the channel is gone."""
        await self._call.hang_up()
        await self._until(lambda: self._call.reason is not None, ANSWER_S, "the end of the call")

    async def ended(self, timeout_s: float = ANSWER_S) -> str:
        """The reason, as on_end has it: hang_up (the agent), caller, transferred, stopped, failed. Raises
        AssertionError where the call does not end in time."""
        await self._until(lambda: self._call.reason is not None, timeout_s, "the end of the call")
        assert self._call.reason is not None
        return self._call.reason

    @property
    def tools(self) -> list[ToolRun]:
        """Those that have been answered, in the order of their answers."""
        return _tools(self._records())

    def variable(self, name: str) -> str | None:
        """Of the channel."""
        return self._call.call.variable(name)

    # -- faults

    def endpoint_drops(self) -> None:
        """The connection to the model is lost, without a close."""

        def drop(endpoint: LocalEndpoint) -> None:
            for number, record in enumerate(endpoint.connections):
                if not record.closed:
                    endpoint.live(number).drop()

        self._exchange.endpoint.call(drop)

    def host_dies(self) -> None:
        """The process that the agent runs in is killed."""
        self._exchange.engine.kill_host()

    # -- inner

    async def begin(self, data: str) -> None:
        """The dialplan runs the agent's application."""
        self._call.begin(data)
        await self._until(lambda: self._call.state is not None, ANSWER_S, "the agent")

    async def finish(self) -> None:
        """Whatever is left of the call ends."""
        await self._call.finish(ANSWER_S)

    def _call_is_silent(self) -> bool:
        self._take()
        return self._speaking == len(self.heard)

    async def _until(self, condition: Callable[[], object], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if self._call.over and self._call.reason is not None:
                return
            if time.monotonic() > deadline:
                raise AssertionError(failure(what, self.heard, timeout_s))
            await self._look()

    async def _look(self) -> None:
        await asyncio.sleep(LOOK_S)
        self._take()

    def _take(self) -> None:
        """What the module has told since the last time."""
        switch = self._exchange.switch
        for event in switch.events():
            if event.uuid != self._call.call.uuid or event.subclass is None:
                continue
            name = event.subclass.rpartition("::")[2]
            if name == "openai_speech_start":
                self._speaking += 1
            elif name == "turn":
                self._note(json.loads(event.body))
        for line in switch.log():
            self._call.logged(line)
        self._call.look()

    def _note(self, turn: dict[str, Any]) -> None:
        text = _transcript(self._records(), turn["response_id"])
        part = cut(text, turn["heard_ms"], turn["received_ms"])
        self.heard.append(Utterance(part, time.monotonic() - self._began, turn["interrupted"]))

    def _records(self) -> list[ConnectionRecord]:
        return self._exchange.endpoint.snapshot()[self._connections :]


def _transcript(records: list[ConnectionRecord], response: str | None) -> str:
    """All that the model said in a response."""
    done = [event for each in records for event in each.sent_events("response.output_audio_transcript.done")]
    return " ".join(event["transcript"] for event in done if event["response_id"] == response)


def _tools(records: list[ConnectionRecord]) -> list[ToolRun]:
    calls = {
        event["item"]["call_id"]: event["item"]
        for each in records
        for event in each.sent_events("response.output_item.done")
        if event["item"]["type"] == "function_call"
    }
    runs = []
    for each in records:
        for event in each.received_events("conversation.item.create"):
            item = event["item"]
            call = calls.get(item.get("call_id"))
            if item["type"] == "function_call_output" and call is not None:
                result, error = _outcome(item["output"])
                runs.append(ToolRun(call["name"], json.loads(call["arguments"] or "{}"), result, error))
    return runs


def _outcome(output: str) -> tuple[Any, str | None]:
    try:
        value = json.loads(output)
    except ValueError:
        return output, None
    if isinstance(value, dict) and set(value) == {"error"}:
        return None, str(value["error"])
    return value, None
