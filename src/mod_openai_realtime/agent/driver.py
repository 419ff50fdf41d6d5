"""One call in an agent host: user code on one side, the worker on the other, and the brain in between. Whatever user
code does, an exception of it ends there, is logged with the call, and touches no other call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..later import Timer
from . import actions as a
from . import messages as m
from .agent import Agent, setting, tools_of
from .beginning import digest, instructions_of, time_of, undoing
from .brain import Brain
from .call import Call
from .call_tasks import CallTasks
from .control import Request, hold
from .effects import Do, Effect, Hook, Resolve, Tell
from .errors import CallError
from .hooks import Hooks
from .origin import Origin, kept_origin, made_again, origin_of
from .pace import MAX_EVENT_BYTES, Pace
from .session import plan_of, session_of
from .spool import spooled
from .surroundings import Clock, Host, WorkerLine
from .tool_runs import RUNNING, Running, run_tool
from .tools import Tool
from .values import EndReason, Heard
from .waiters import Waiters

logger = logging.getLogger(__name__)

END_S = 60.0  # on_end's time
LAST_TOOLS_S = 3.0  # tools that run when the call ends
MAX_UNKEPT = 64
"""Messages after which a worker is told that they have been worked off, though nothing follows from them."""


class Driver:
    """Of one call. receive() takes the worker's messages; all runs on one event loop."""

    def __init__(
        self, begin: m.Begin, make: Callable[[], Agent], line: WorkerLine, host: Host, clock: Clock | None = None
    ) -> None:
        """`make`: an instance of the agent; user code, called by start()."""
        self.number = begin.call
        self.facts = begin.facts
        self._begin = begin
        self._make = make
        self._line = line
        self.host = host
        self._loop = asyncio.get_running_loop()
        self._clock: Clock = clock if clock is not None else self._loop
        started = time_of(begin.facts.started_at)
        now = self._now()
        # The call's clock began when the call did, wherever that was; a clock that stands still begins with it.
        age = max(0.0, (datetime.now(UTC) - started).total_seconds()) if clock is None else 0.0
        self.brain = Brain(self._rules, now - age, started)
        self.call = Call(self, dict(begin.facts.parameters), started)
        self.agent: Agent | None = None
        self._tools: dict[str, Tool] = {}
        self._through = begin.n
        self._unkept = 0
        self._acts: list[m.Act] = []
        self._waiters = Waiters(0 if begin.kept is None else secrets.randbelow(1 << 40))
        self._executing: set[int] = set()
        self.tasks = CallTasks(begin.agent, begin.facts.uuid)
        self._tool_tasks: dict[str, asyncio.Task[Any]] = {}
        self._hooks = Hooks(self)
        self._timer: Timer | None = None
        self._reason: EndReason | None = None
        self.ended = False
        self._pace = Pace()
        self._digest = ""
        """Of the session that was asked for."""
        self._origin: Origin | None = None
        """Of an agent that the call was handed over to."""
        self._undo: list[Request] = []
        self.departing: str | None = None
        """What is under way that the call ends or goes elsewhere by: a kind of Request, or `consult`."""

    # -- the worker

    def start(self) -> None:
        self._task(self._start(), "on_start")

    def receive(self, message: m.OfCall) -> None:
        """In the order in which they come."""
        self._through = message.n
        self._unkept += 1
        match message:
            case m.Ended():
                self._end(message)
            case m.Result():
                value = message.value if message.ok else CallError(message.error or "it failed")
                self._waiters.resolve(message.id, value)
                self.perform(self.brain.look(self._now()))
            case _:
                self.perform(self.brain.receive(message, self._now()))

    @property
    def reason(self) -> EndReason:
        """Why the agent's part is over."""
        return self._reason or "stopped"

    @property
    def waits_for_user_code(self) -> bool:
        """It does something, and does not wait for the call."""
        return bool(self._tool_tasks or self._hooks.at_work or self.agent is None) and not self._waiters

    def close(self, reason: EndReason) -> None:
        """The agent is done with a call whose channel stays."""
        self._reason = reason
        self.has_ended_call()
        self.brain.state = "ending"
        self.perform([Do(m.Close())])

    def drop(self) -> None:
        """Everything that runs is cancelled; nothing is told."""
        self.ended = True
        self.tasks.cancel_all()
        if self._timer is not None:
            self._timer.cancel()

    def worker_lost(self) -> None:
        """What it was doing for this call will not be answered. Another may take the call up: moved()."""
        self._waiters.fail("the engine's worker has ended", self._executing)

    def moved(self, begin: m.Begin, acts: list[m.Act]) -> None:
        """Another worker has the call. `acts`: what none was told meanwhile."""
        self.number, self._through = begin.call, begin.n
        if self.agent is None:
            return  # what follows from on_start goes there
        self._acts = [*acts, *self._acts]
        self.perform(self.brain.moved(begin.connected, self._now()))

    def abandon(self) -> None:
        """The worker is gone, and with it the call: nothing can be told any more."""
        if not self.ended:
            self._end(m.Ended(self.number, self._through, "stopped", "the worker has ended"))

    # -- what user code wants, by way of Call

    def usage(self) -> dict[str, Any]:
        return {**self.brain.usage, "seconds": round(self.brain.seconds(self._now()), 3)}

    def interrupted(self) -> bool:
        running = RUNNING.get()
        return self.brain.spoke > running.spoke if running is not None else self.brain.speaking

    async def say(self, instructions: str | None, *, exactly: bool = False, interruptible: bool = True) -> Heard:
        def ask(waiter: int, now: float) -> list[Effect]:
            return self.brain.say(waiter, instructions, now, exactly=exactly, interruptible=interruptible)

        if self.ended:
            return Heard("", 0, True)
        heard: Heard = await self._wait(ask)
        return heard

    async def play(self, audio: str | bytes, interruptible: bool) -> Heard:
        if self.ended:
            return Heard("", 0, True)
        path = audio if isinstance(audio, str) else spooled(audio, self.host.spool(self))
        pcm = not isinstance(audio, str)

        def ask(waiter: int, now: float) -> list[Effect]:
            return self.brain.play(waiter, m.Play(waiter, path, pcm, pcm, interruptible), now)

        heard: Heard = await self._wait(ask)
        return heard

    async def until_heard(self, limit_s: float | None) -> str:
        def ask(waiter: int, now: float) -> list[Effect]:
            return self.brain.wait_until_heard(waiter, limit_s, now)

        how: str = await self._wait(ask)
        return how

    async def collect(self, count: int | None, terminator: str | None, timeout_s: float) -> str:
        if count is not None and count < 1:
            raise ValueError("count has to be 1 or more")
        self.check_up()
        digits: str = await self._wait(
            lambda waiter, now: self.brain.collect(waiter, count, terminator, timeout_s, now)
        )
        return digits

    async def send(self, event: dict[str, Any]) -> None:
        self.check_up()
        if not isinstance(event.get("type"), str):
            raise ValueError("a client event has a `type`")
        # What can't be sent is an error here, and not of all that goes out with it.
        size = len(json.dumps(event, ensure_ascii=False))
        if size > MAX_EVENT_BYTES:
            raise ValueError(f"a client event of {size} characters; {MAX_EVENT_BYTES} at most can be sent")
        await self._its_turn(size)
        self.perform(self.brain.send(event, self._now()))

    async def _its_turn(self, size: int = 0) -> None:
        """Who wants a lot of its call waits, so that the calls beside it do not. Raises CallError."""
        wait_s = self._pace.wait_s(size, self._now())
        if wait_s <= 0:
            return
        turn = asyncio.Event()
        timer = self._clock.call_at(self._now() + wait_s, turn.set)
        try:
            await turn.wait()
        finally:
            timer.cancel()
        self.check_up()

    async def execute(self, request: Request) -> str | None:
        self.check_up()

        def ask(waiter: int, now: float) -> list[Effect]:
            self._executing.add(waiter)
            return [Do(request.numbered(waiter))]

        value: str | None = await self._wait(ask)
        return value

    def outcome(self) -> asyncio.Future[Any]:
        """What comes of something that user code does elsewhere: a CallError where the call ends before."""
        return self._waiters.new()[1]

    def note_hold(self, on_hold: bool) -> None:
        off = hold("off")
        if on_hold and off not in self._undo:
            self._undo.append(off)
        elif not on_hold and off in self._undo:
            self._undo.remove(off)
        self.brain.hold(on_hold)
        self.perform(self.brain.look(self._now()))

    @contextlib.contextmanager
    def undone_by(self, request: Request) -> Iterator[None]:
        """Should this process die meanwhile, the next host has this executed: nobody is left who would."""
        self._undo.append(request)
        try:
            yield
        finally:
            self._undo.remove(request)

    def begin(self, coroutine: Coroutine[Any, Any, None], what: str) -> None:
        """Of the agent's own; not where the call is over."""
        self._task(coroutine, what)

    async def hand_over(self, agent: Agent) -> None:
        self.check_up()
        old, tools = self.agent, tools_of(type(agent))
        agent.call = self.call
        await agent.on_start(self.call)
        instructions = await instructions_of(agent, self.call)
        self._adopt(agent, tools, instructions)
        session = session_of(agent, instructions, tools.values())
        self._digest = digest(session)
        if self.brain.voiced:
            session["audio"].pop("output", None)
        self._origin = origin_of(agent)
        await self.send({"type": "session.update", "session": session})
        if old is not None:
            self._task(self._hooks.run_end(old, "handed_over"), "on_end")
        if agent.greeting is not None:
            self.has_ended_call()  # the greeting is the answer to a tool that does this
            self.greet()

    # -- user code

    async def _start(self) -> None:
        kept = self._begin.kept
        made: Agent | None = None
        try:
            self._origin = kept_origin(kept.state.get("origin")) if kept is not None else None
            agent = made = self._make() if self._origin is None else made_again(self._origin, self._make)
            tools = tools_of(type(agent))
            agent.call = self.call
            if kept is None:
                await agent.on_start(self.call)
                instructions = await instructions_of(agent, self.call)
            else:
                asked = setting(agent, "instructions")
                instructions = asked if isinstance(asked, str) else str(kept.state.get("instructions", ""))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            logger.exception("%s: the agent could not begin", self.call.uuid)
            prompt = setting(made, "failure_prompt") if made is not None else None
            self.agent = made  # its on_end is to come
            self.perform([Do(m.Fail(f"{type(error).__name__}: {error}"[:500], prompt))])
            return
        self.agent = agent
        self._task(self._hooks.run(), "hooks")
        self._adopt(agent, tools, instructions)
        session = session_of(agent, instructions, tools.values())
        self._digest = digest(session)
        if kept is None:
            self.perform([Do(plan_of(agent, session))])
            return
        effects = self.brain.take_up(kept, self._begin.connected, self._now())
        self.brain.instructions = instructions
        if self.brain.voiced:
            session["audio"].pop("output", None)
        if kept.state.get("session") != self._digest:
            effects = [Do(m.Send({"type": "session.update", "session": session})), *effects]
        self.perform([*undoing(kept.state.get("undo")), *effects])

    def _adopt(self, agent: Agent, tools: dict[str, Tool], instructions: str) -> None:
        self.agent, self._tools = agent, tools
        brain = self.brain
        brain.instructions = instructions
        brain.digits_policy = agent.digits
        brain.silence.after_s = agent.silence_s
        brain.fillers = lambda name: tools[name].filler if name in tools else None
        brain.limit(agent.max_duration_s, self._now())

    def _rules(self, name: str) -> a.Rules:
        tool, agent = self._tools.get(name), self.agent
        limit = agent.tool_timeout_s if agent is not None else Agent.tool_timeout_s
        if tool is None:
            return a.Rules(limit)
        return a.Rules(tool.timeout_s or limit, tool.reply, tool.filler is not None)

    def greet(self) -> None:
        """The agent opens, where it is to."""
        agent = self.agent
        if agent is not None and agent.greeting is not None and not self.ended:
            interruptible = agent.greeting_interruptible
            self.perform(self.brain.say(None, agent.greeting, self._now(), interruptible=interruptible))

    async def _run_tool(self, run: a.Run) -> None:
        running = Running(run.call_id, self.brain.spoke)
        RUNNING.set(running)
        outcome = await run_tool(run, self._tools.get(run.name), self.agent, self.call)
        if outcome.trouble:
            self.perform([Tell("error", outcome.trouble)])
        follow = False if running.ended_call else None
        result = self.brain.result(run.call_id, outcome.output, outcome.result, outcome.error, follow, self._now())
        self.perform(result)

    # -- effects

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Do(act):
                    self._acts.append(act)
                case Hook():
                    self._hooks.add(effect)
                case Resolve(waiter, value):
                    self._waiters.resolve(waiter, value)
                case Tell(level, text):
                    self._acts.append(m.Log(level, text))
                case a.Run():
                    self._begin_tool(effect)
                case a.Stop(call_id):
                    task = self._tool_tasks.get(call_id)
                    if task is not None:
                        task.cancel()
        self._flush()
        self._set_timer()

    def _begin_tool(self, run: a.Run) -> None:
        task = self._task(self._run_tool(run), f"tool {run.name}")
        self._tool_tasks[run.call_id] = task
        task.add_done_callback(lambda _: self._tool_tasks.pop(run.call_id, None))

    def _flush(self) -> None:
        """What is done and what is kept go out together."""
        kept = self.brain.kept(self._beside()) if self.agent is not None and not self.ended else None
        if self._acts or kept is not None or self._unkept >= MAX_UNKEPT:
            acts, self._acts, self._unkept = self._acts, [], 0
            self._line.acts(m.Acts(self.number, self._through, acts, kept))

    def _beside(self) -> dict[str, Any]:
        """What the next host has to know besides."""
        undo = [[each.kind, each.name, each.arguments] for each in self._undo]
        return {"session": self._digest, "undo": undo, "origin": msgspec.to_builtins(self._origin)}

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.brain.deadline
        if deadline is not None and not self.ended:
            self._timer = self._clock.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.perform(self.brain.tick(self._now()))

    # -- waiting

    async def _wait(self, ask: Callable[[int, float], list[Effect]]) -> Any:
        """Whatever is asked for under a number of its own; a tool that waits is not on its own time."""
        await self._its_turn()
        waiter, future = self._waiters.new()
        try:
            with self._tools_own_time():
                self.perform(ask(waiter, self._now()))
                return await future
        finally:
            self._executing.discard(waiter)
            self.perform(self.brain.forget(waiter, self._now()))

    @contextlib.contextmanager
    def _tools_own_time(self) -> Iterator[None]:
        """What passes meanwhile is not the tool's, if one waits."""
        running = RUNNING.get()
        if running is None:
            yield
            return
        running.waits += 1
        if running.waits == 1:
            self.perform(self.brain.coordinated(lambda c, now: c.suspend(running.call_id, now), self._now()))
        try:
            yield
        finally:
            running.waits -= 1
            if running.waits == 0:
                self.perform(self.brain.coordinated(lambda c, now: c.resume(running.call_id, now), self._now()))

    @contextlib.contextmanager
    def nothing_is_silence(self) -> Iterator[None]:
        self.brain.busy += 1
        try:
            with self._tools_own_time():
                yield
        finally:
            self.brain.busy -= 1
            self.perform(self.brain.look(self._now()))

    def has_ended_call(self) -> None:
        running = RUNNING.get()
        if running is not None:
            running.ended_call = True

    def check_up(self) -> None:
        if self.ended:
            raise CallError("the call is over")

    # -- the end

    def _end(self, ended: m.Ended) -> None:
        if self.ended:
            return
        self._reason = self._reason or ended.reason
        effects = self.brain.end(self._now())
        self.ended = True
        self.perform(effects)
        self._waiters.fail("the call is over")
        self._task(self._finish(), "on_end", last=True)

    async def _finish(self) -> None:
        tools = list(self._tool_tasks.values())
        if tools:
            await asyncio.wait(tools, timeout=LAST_TOOLS_S)
        try:
            async with asyncio.timeout(END_S):
                if self.agent is not None:
                    self.tasks.cancel("hooks", "on_start ")  # what they wait for will not come
                    await self._hooks.finish()
                    await self._hooks.run_end(self.agent, self.reason)
        except TimeoutError:
            logger.error("%s: on_end took longer than %g s", self.call.uuid, END_S)
        self.tasks.cancel_all(but=asyncio.current_task())
        if self._timer is not None:
            self._timer.cancel()
        self._acts.append(m.Done(self.reason))
        self._flush()
        self.host.ended(self)

    def _task(self, coroutine: Coroutine[Any, Any, Any], what: str, *, last: bool = False) -> asyncio.Task[Any]:
        """Once the call is over only its `last` begins."""
        if self.ended and not last:
            coroutine.close()
            coroutine = _nothing()
        return self.tasks.begin(coroutine, what)

    def _now(self) -> float:
        return self._clock.time()


async def _nothing() -> None:
    pass
