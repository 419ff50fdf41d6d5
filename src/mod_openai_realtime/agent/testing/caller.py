"""The caller of a test: says, keys, hears, hangs up; and the model at the other end, which does what the test says."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, NoReturn

from ...local.recording import ConnectionRecord
from ...local.server import LocalEndpoint
from ...local.voice import hibari
from ..messages import DONE_S
from . import report
from .engine_said import EngineSaid
from .exchange import Exchange
from .line import RATE, Line
from .phone_model import PhoneModel
from .report import Happening
from .tool_runs import ToolRun, ToolRuns, tool_runs
from .transcript import Utterance, cut, find

__all__ = ["Caller", "ToolRun"]

LOOK_S = 0.02
ANSWER_S = 30.0
"""So long an answer may take, tools included, until it has been heard."""
END_S = DONE_S + 5.0
"""So long an agent may take that is told of the end, on_end included."""
NO_AGENT_S = 2.0
"""And one that has not begun, and may never have been there."""


class Caller:
    """Of one call. `model` is its script: `model.will_say("…")`, `model.will_call("tool", name=value)`, in any chain, a
    response each. What the script does not foresee is answered with the words of the model's instructions. With
    `--model=llm` a language model answers, and the script is left unused.

    What does not happen in time raises AssertionError, with all that happened instead.
    """

    def __init__(self, exchange: Exchange, line: Line, model: PhoneModel, texts: frozenset[str] = frozenset()) -> None:
        """`texts`: the names of tools that give a text."""
        self.model = model
        self.heard: list[Utterance] = []
        """What came out of the channel, an entry for each answer, as far as it was heard."""
        self._exchange = exchange
        self._texts = texts
        self._line = line
        self._said = EngineSaid(exchange.engine.log)
        self._began = time.monotonic()
        self._matched = 0  # words of what was heard
        self._speaking = 0  # how often the agent has begun to
        self._had_agent = True
        self._sounds: float | None = None  # since when the agent speaks
        self._connections = len(exchange.endpoint.snapshot())
        self._handshakes = len(exchange.handshakes())
        self._own: list[Happening] = []

    # -- the test's words

    async def says(self, text: str, *, wait: bool = True) -> None:
        """Speaks; returns when the agent's next answer has been heard, or the call is over; with `wait=False` with the
        caller's own last sample. Raises AssertionError where no answer is heard within 30 s."""
        __tracebackhide__ = True
        self.model.will_hear(text)
        audio = await hibari().speak(text, RATE)
        before = len(self.heard)
        self._note("caller", f"“{text}”")
        self._line.says(audio.astype("<i2").tobytes())
        await self.waits(len(audio) / RATE)

        def answered() -> bool:
            return any(not each.interrupted for each in self.heard[before:])

        if wait and not await self._until(answered, ANSWER_S) and not self._line.over:
            self._fail(f"no answer to {text!r} was heard to its end within {ANSWER_S:g} s.")

    async def hears(self, text: str, timeout_s: float = 15.0) -> None:
        """Returns once this was heard, in the transcript of what was really played; later than what was found by the
        hears() before. Case and punctuation do not matter. Raises AssertionError, also once the call is over."""
        __tracebackhide__ = True

        def found() -> bool:
            end = find(text, [each.text for each in self.heard], self._matched)
            self._matched = end or self._matched
            return end is not None

        if not await self._until(found, timeout_s):
            over = ", and the call is over." if self._line.over else f" within {timeout_s:g} s."
            self._fail(f"{text!r} was not heard{over}{self._why_not(text)}")

    async def interrupts(self, text: str, *, after_ms: int = 800) -> None:
        """Speaks into what the agent says, so long after its first sample; returns as says() does."""
        __tracebackhide__ = True
        began = self._speaking
        self._take()
        if self._sounds is None and not await self._until(lambda: self._speaking > began, ANSWER_S):
            over = " before the call was over." if self._line.over else f" within {ANSWER_S:g} s."
            self._fail(f"the agent said nothing to be interrupted{over}")
        await self.waits(after_ms / 1000)
        await self.says(text)

    async def keys(self, digits: str) -> None:
        """Presses these keys of the telephone. Raises ValueError for what no telephone has."""
        self._note("caller", f"keys {digits}")
        await self._line.keys(digits)
        await self._look()

    async def waits(self, seconds: float) -> None:
        """Lets real time pass."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._line.over:
            await self._look()

    async def hangs_up(self) -> None:
        """Returns once the channel is gone, and the agent's on_end has run."""
        __tracebackhide__ = True
        self._note("caller", "hangs up")
        await self._line.hang_up()
        await self.ended()

    async def ended(self, timeout_s: float = ANSWER_S) -> str:
        """The reason, as on_end has it, once on_end has run: hang_up (the agent), caller, transferred, stopped, failed.
        Raises AssertionError where the call does not end in time."""
        __tracebackhide__ = True
        if not await self._until(lambda: self._line.over or self._reason(), timeout_s):
            self._fail(f"the call has not ended within {timeout_s:g} s.")
        if not await self._done() and self._had_agent:
            self._fail(f"the call is over, but the agent is not done with it within {END_S:g} s.")
        return self._reason() or "failed"

    @property
    def tools(self) -> list[ToolRun]:
        """Those that have been answered, in the order of their answers."""
        return ToolRuns((run for _, run in tool_runs(self._records(), self._texts)), self.story)

    @property
    def transferred_to(self) -> str | None:
        """The extension, or the SIP URI of a REFER."""
        return self._line.transferred_to

    def variable(self, name: str) -> str | None:
        """Of the channel; None where it is not set, or the channel is gone."""
        return self._line.variable(name)

    def story(self) -> str:
        """What has happened so far, with the times, for people to read."""
        self._take()
        records = self._records()
        runs = [(at - self._began, run) for at, run in tool_runs(records, self._texts)]
        handshakes = self._exchange.handshakes()[self._handshakes :]
        seen = [
            *self._own,
            *report.heard(self.heard, self._unscripted()),
            *report.tools(runs),
            *report.connections(records, handshakes, self._began),
        ]
        if self._sounds is not None:
            seen.append(Happening(self._sounds, "agent", "is speaking"))
        if self._line.over:
            seen.append(Happening(self._now(), "call", f"is over: {self._how_it_ended()}"))
        return report.story(seen, self._said.trouble())

    # -- faults

    def endpoint_drops(self) -> None:
        """The connection to the model is lost, without a close."""
        self._note("test", "the connection to the model is cut")

        def drop(endpoint: LocalEndpoint) -> None:
            for number, record in enumerate(endpoint.connections):
                if not record.closed:
                    endpoint.live(number).drop()

        self._exchange.endpoint.call(drop)

    def host_dies(self) -> None:
        """The process that the agent runs in is killed."""
        self._note("test", "the agent's process is killed")
        self._exchange.engine.kill_host()

    # -- inner

    async def begin(self, data: str) -> None:
        """The dialplan runs the agent's application."""
        __tracebackhide__ = True
        await self._line.begin(data)
        if not await self._until(lambda: self._line.state, ANSWER_S):
            self._fail(f"the agent did not take the call within {ANSWER_S:g} s.")
        self._had_agent = self._line.state != "ended"

    async def finish(self) -> None:
        """Whatever is left of the call ends."""
        await self._line.finish(ANSWER_S)
        await self._done()

    @property
    def log(self) -> list[str]:
        """What the engine and the agent have written."""
        return self._said.lines

    async def _done(self) -> bool:
        """Whether the agent is, in its time."""
        return await self._until(self._reason, END_S if self._had_agent else NO_AGENT_S, also_over=True)

    def _reason(self) -> str | None:
        """Of the end, once the agent is done with it."""
        reason = self._said.reasons.get(self._line.uuid)
        if reason is None and self._line.over and not self._exchange.engine.running:
            return "failed"  # there is nobody left to tell
        return reason

    def _how_it_ended(self) -> str:
        reason = self._reason()
        if reason is not None:
            return reason
        told = [self.variable(name) for name in ("openai_agent_result", "openai_agent_reason")]
        return ": ".join(each for each in told if each) or "the agent is still at it"

    def _why_not(self, text: str) -> str:
        """What may have become of words that were not heard."""
        if find(text, [each.text for each in self.heard]) is not None:
            return " It was heard before: each hears() looks behind what the one before has found."
        if find(text, [each.meant for each in self.heard]) is not None:
            return " The model said it, but was cut off."
        if self._sounds is not None:
            return " The agent is still speaking."
        unused = self.model.turns_left
        if unused and self._exchange.scripted:
            return f" Nothing has asked the model yet for the rest of its script ({unused} to come)."
        if unused:
            return " With --model=llm a language model answers: what the test scripts is left unused."
        return ""

    async def _until(self, condition: Callable[[], object], timeout_s: float, *, also_over: bool = False) -> bool:
        """Whether it holds in time, and while the call lasts; `also_over`: and after it."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline or (self._line.over and not also_over):
                self._take()
                return bool(condition())
            await self._look()
        return True

    def _fail(self, text: str) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError(f"{text}\n{self.story()}")

    async def _look(self) -> None:
        await asyncio.sleep(LOOK_S)
        self._take()

    def _take(self) -> None:
        """What has been told since the last time."""
        self._said.look()
        for news in self._line.news():
            if news.kind == "openai_speech_start":
                self._speaking += 1
                self._sounds = self._now()
            elif news.kind == "openai_speech_stop":
                self._sounds = None
            elif news.kind == "turn":
                self._heard(json.loads(news.body))

    def _heard(self, turn: dict[str, Any]) -> None:
        meant = _transcript(self._records(), turn["response_id"])
        text = cut(meant, turn["heard_ms"], turn["received_ms"])
        now = self._now()
        self.heard.append(Utterance(text, now, turn["interrupted"], now - turn["heard_ms"] / 1000, meant))

    def _unscripted(self) -> frozenset[str]:
        return frozenset(self.model.unscripted) if self._exchange.scripted else frozenset()

    def _note(self, who: str, what: str) -> None:
        self._own.append(Happening(self._now(), who, what))

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _records(self) -> list[ConnectionRecord]:
        return self._exchange.endpoint.snapshot()[self._connections :]


def _transcript(records: list[ConnectionRecord], response: str | None) -> str:
    """All that the model said in a response."""
    done = [event for each in records for event in each.sent_events("response.output_audio_transcript.done")]
    return " ".join(event["transcript"] for event in done if event["response_id"] == response)
