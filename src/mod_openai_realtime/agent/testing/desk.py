"""The logic of an agent alone, without audio and without processes: its class runs as in a call, and what it does to
the call is written down. Its clock stands still but in `waits`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from pydantic_core import to_jsonable_python

from .. import messages as m
from ..agent import Agent, check_agent
from ..call import Call
from ..driver import Driver
from ..errors import ToolError
from ..values import Turn
from .clock import StillClock
from .model import MS_PER_CHARACTER, Model

ROUNDS = 20  # of the event loop in which nothing happens
PATIENT_ROUNDS = 50  # and, of a millisecond each, where user code waits for something of its own


class DeskCall:
    """A call at the desk. What the agent did with it is in its attributes, as far as it has got."""

    def __init__(self, agent: type[Agent] | Callable[[], Agent], facts: m.Facts, variables: Mapping[str, str]) -> None:
        self.variables: dict[str, str] = dict(variables)
        """Of the channel."""
        self.transferred_to: str | None = None
        """The extension, or the SIP URI of a REFER."""
        self.bridged_to: str | None = None
        self.consulted: DeskCall | None = None
        """The agent's call to another party, while it consults: its tools are `accept` and `decline`."""
        self.hang_up_cause: str | None = None
        """Not None: the agent has hung up."""
        self.said: list[str] = []
        """What the model was asked to say, and has said."""
        self.played: list[str] = []
        """Paths of own audio."""
        self.sent: list[dict[str, Any]] = []
        """Every client event."""
        self.executed: list[tuple[str, str, str]] = []
        """Kind, name and arguments of what FreeSWITCH was asked for."""
        self.plan: m.Plan | None = None
        """What the engine was told to open the stream."""
        self.failed: str | None = None
        """Not None: why the agent did not begin."""
        self.ended_with: str | None = None
        """Not None: on_end has run, with this reason."""
        self.answers: dict[str, str | Callable[[str], str | None] | None] = {}
        """What FreeSWITCH answers to an application or a command of that name; a function is given its arguments."""
        self.model = Model()
        self._errors: dict[str, str] = {}
        self._facts = facts
        self._clock = StillClock()
        self._number = 0
        self._over = False
        self._events = 0
        self._queue: asyncio.Queue[m.OfCall] = asyncio.Queue()
        self._services = _Services(self)
        begin = m.Begin(1, self._n(), getattr(agent, "__name__", "agent"), facts)
        self._driver = Driver(begin, agent, self, self._services, self._clock)
        self.call: Call = self._driver.call

    # -- what a test does

    async def tool(self, name: str, /, **arguments: Any) -> Any:
        """The model calls a tool: what it is told of the result. Raises ToolError where the tool failed, with the text
        that the model is told, also where the arguments don't fit."""
        response = self.model.id("resp")
        _, event = self.model.call(response, name, json.dumps(to_jsonable_python(arguments)))
        known = len(self.tools)
        self._server({"type": "response.created", "response": {"id": response, "metadata": None}})
        self._server(event)
        self._server({"type": "response.done", "response": {"id": response, "status": "completed"}})
        while True:
            found = [turn for turn in self.tools[known:] if turn.name == name]
            if found:
                break
            await self._step()
        turn = found[0]
        if turn.error is not None:
            raise ToolError(turn.error)
        return turn.result

    async def says(self, text: str) -> None:
        """The caller says it; what the model is scripted to answer (`call.model.script`) has been heard when this
        returns."""
        item = self.model.id("item")
        self._server({"type": "input_audio_buffer.speech_started", "item_id": item})
        self._server({"type": "input_audio_buffer.speech_stopped", "item_id": item})
        self._server({"type": "input_audio_buffer.committed", "item_id": item})
        transcribed = "conversation.item.input_audio_transcription.completed"
        self._server({"type": transcribed, "item_id": item, "content_index": 0, "transcript": text})
        self._respond({})
        await self.settle()

    async def keys(self, digits: str) -> None:
        """The caller keys them in."""
        for digit in digits:
            self._tell(m.Digit(1, self._n(), digit))
        await self.settle()

    async def waits(self, seconds: float) -> None:
        """Time passes: for silence, digits, tools that take too long, the longest duration."""
        until = self._clock.time() + seconds
        await self.settle()
        while self._clock.next_timer(until):
            await self.settle()
        await self.settle()

    async def reconnects(self) -> None:
        """The connection to the endpoint is lost, and another takes over."""
        self._tell(m.Lost(1, self._n()))
        self._tell(m.Connected(1, self._n(), True, "reconnect"))
        await self.settle()

    async def hangs_up(self) -> None:
        """The caller; returns once on_end has run."""
        self._end("caller")
        await self.ended()

    async def ended(self) -> str:
        """Why the agent's part is over, once it is and on_end has run."""
        while self.ended_with is None:
            await self._step()
        return self.ended_with

    def fails(self, name: str, reason: str | None) -> None:
        """From now on an action fails: `transfer`, `bridge`, `hang_up`, or the name of an application or a command;
        None: not any more."""
        self._errors.pop(name, None)
        if reason is not None:
            self._errors[name] = reason

    @property
    def turns(self) -> list[Turn]:
        return self.call.turns

    @property
    def tools(self) -> list[Turn]:
        """The tools' turns: `name`, `arguments`, `result`, `error`."""
        return [turn for turn in self.call.turns if turn.who == "tool"]

    @property
    def agent(self) -> Agent:
        """The instance that has the call."""
        if self._driver.agent is None:
            raise RuntimeError("the agent has not begun")
        return self._driver.agent

    async def settle(self) -> None:
        """Until nothing happens any more without time or the caller."""
        quiet = 0
        while quiet < (PATIENT_ROUNDS if self._driver.waits_for_user_code else ROUNDS):
            before = self._events
            await self._step()
            quiet = 0 if self._events != before else quiet + 1

    # -- the other end of the line

    def start(self) -> None:
        self._driver.start()

    def drop(self) -> None:
        """The test is over."""
        if self.consulted is not None:
            self.consulted.drop()
        self._over = True
        self._driver.drop()

    def acts(self, acts: m.Acts) -> None:
        for act in acts.acts:
            self._events += 1
            match act:
                case m.Plan(session=session):
                    self.plan = act
                    self.model.instructions = session.get("instructions", "")
                    self._server({"type": "session.created", "session": {}})
                    self._server({"type": "session.updated", "session": session})
                    self._tell(m.Connected(1, self._n()))
                case m.Fail(reason=reason):
                    self.failed = reason
                    self._end("failed")
                case m.Send(event=event):
                    self._sent(event)
                case m.Play(id=number, path=path):
                    self.played.append(path)
                    self._tell(m.Played(1, self._n(), number, 1000))
                case m.Execute():
                    self._execute(act)
                case m.Close():
                    self._end("stopped")

    def note_end(self, driver: Driver) -> None:
        self._events += 1
        self.ended_with = driver.reason

    def _execute(self, act: m.Execute) -> None:
        self.executed.append((act.kind, act.name, act.arguments))
        error = self._errors.get(act.kind, self._errors.get(act.name))
        if error is not None or self._over:
            self._tell(m.Result(1, self._n(), act.id, False, error=error or "the channel is gone"))
            return
        answer = self.answers.get(act.name)
        value = answer(act.arguments) if callable(answer) else answer
        if act.kind == "get_variable":
            value = self.variables.get(act.name)
        elif act.kind == "set_variable":
            self.variables[act.name] = act.arguments
        elif act.kind == "api":
            value = value if value is not None else "+OK"
        elif act.kind in ("transfer", "refer"):
            self.transferred_to = act.name
        elif act.kind == "hang_up":
            self.hang_up_cause = act.name
        elif act.kind == "bridge":
            self.bridged_to = act.arguments
        elif act.kind == "originate":
            self._originate(act.arguments)
        self._tell(m.Result(1, self._n(), act.id, True, value))
        if act.kind == "hang_up":
            self._end("hang_up")
        elif self.transferred_to is not None:
            self._end("transferred")

    def _originate(self, arguments: str) -> None:
        agent = arguments.partition("&openai_agent(")[2].rstrip(")")
        make = self._services.agents.get(agent)
        if make is not None:
            self.consulted = DeskCall(make, m.Facts(uuid="desk-consulted", direction="outbound"), {})
            self.consulted.start()

    def _sent(self, event: dict[str, Any]) -> None:
        self.sent.append(event)
        if event["type"] == "response.create":
            self._respond(event.get("response") or {})
        elif event["type"] == "conversation.item.create":
            self._server({"type": "conversation.item.added", "item": {"id": self.model.id("item"), **event["item"]}})
        elif event["type"] == "session.update":
            self.model.instructions = event["session"].get("instructions", self.model.instructions)
            self._server({"type": "session.updated", "session": event["session"]})

    def _respond(self, response: dict[str, Any]) -> None:
        response_id, item_id, text = self.model.id("resp"), self.model.id("item"), self.model.words(response)
        self._server(
            {"type": "response.created", "response": {"id": response_id, "metadata": response.get("metadata")}}
        )
        if text:
            self.said.append(text)
            self._tell(m.Playback(1, self._n(), False))
            for event in self.model.speech(response_id, item_id, text):
                self._server(event)
        self._server({"type": "response.done", "response": {"id": response_id, "status": "completed"}})
        if text:
            ms = len(text) * MS_PER_CHARACTER
            self._tell(m.Speech(1, self._n(), True))
            self._tell(m.TurnHeard(1, self._n(), response_id, ms, ms, False, [item_id]))
            self._tell(m.Speech(1, self._n(), False))
            self._tell(m.Playback(1, self._n(), True))

    def _server(self, event: dict[str, Any]) -> None:
        self._tell(m.Event(1, self._n(), msgspec.Raw(json.dumps(event).encode())))

    def _end(self, reason: Any) -> None:
        if not self._over:
            self._tell(m.Ended(1, self._n(), reason))
            self._over = True

    def _tell(self, message: m.OfCall) -> None:
        """Not at once: who has asked is not through with it."""
        if not self._over:
            self._queue.put_nowait(message)
            asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        self._events += 1
        self._driver.receive(self._queue.get_nowait())

    async def _step(self) -> None:
        """A round of the event loop; longer where threads, or whatever user code waits for, are to go on."""
        before = self._events
        await asyncio.sleep(0)
        if self._events == before and self._driver.waits_for_user_code:
            await asyncio.sleep(0.001)

    def _n(self) -> int:
        self._number += 1
        return self._number


class _Services:
    """What a driver's host does, for one call."""

    def __init__(self, call: DeskCall) -> None:
        self._call = call
        self.agents: dict[str, Callable[[], Agent]] = {}

    def private(self, make: Callable[[], Agent]) -> str:
        name = f"@desk/{len(self.agents)}"
        self.agents[name] = make
        return name

    def forget(self, name: str) -> None:
        del self.agents[name]

    def spool(self, driver: Driver) -> str | None:
        return None

    def ended(self, driver: Driver) -> None:
        self._call.note_end(driver)


class Desk:
    """The fixture `desk`."""

    def __init__(self) -> None:
        self._calls: list[DeskCall] = []
        self.call_type = DeskCall
        """What a call is made of: a class of a test's own may know more."""

    async def call(
        self,
        agent: type[Agent] | Agent,
        *,
        number: str = "+15550100",
        name: str = "",
        dialled: str = "5100",
        direction: m.Direction = "inbound",
        parameters: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> DeskCall:
        """A call, once the agent has connected, and its greeting was heard. `agent`: a class, of which an instance is
        made, or an instance. `number`, `name`: the caller's. `parameters`: `call.parameters`. `variables`: of the
        channel. Raises AgentError where the class is not one that an engine takes."""
        cls = agent if isinstance(agent, type) else type(agent)
        check_agent(cls)
        facts = m.Facts(
            uuid=f"desk-{len(self._calls) + 1}",
            caller_number=number,
            caller_name=name,
            dialled=dialled,
            direction=direction,
            parameters=dict(parameters or {}),
            started_at=datetime.now(UTC).isoformat(),
        )
        call = self.call_type(agent if isinstance(agent, type) else (lambda: agent), facts, variables or {})
        self._calls.append(call)
        call.start()
        await call.settle()
        return call

    def close(self) -> None:
        for call in self._calls:
            call.drop()
