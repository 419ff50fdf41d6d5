"""One call of an agent, from the command that begins it until its host has said that it is done with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from ..agent.messages import (
    DONE_S,
    MAX_KEPT_BYTES,
    Acts,
    Begin,
    Break,
    Close,
    Done,
    Ended,
    Execute,
    Facts,
    Fail,
    Log,
    OfCall,
    Plan,
    Play,
    ProtocolError,
    Result,
    Send,
)
from ..agent.messages import Kept as KeptOfHost
from ..later import Later, Timer
from .journal import Journal

if TYPE_CHECKING:
    from .agent_host import AgentHost

logger = logging.getLogger(__name__)

PLAN_S = 15.0
"""So long an agent has to say what its session is to be: `on_start` may ask somebody."""

UNKNOWN = 1 << 20
"""Of messages that a worker which has died may have told after it was last kept how far they went."""

_DONE, _GIVEN_UP = "agent %s of call %s is done: %s", "agent %s of call %s is given up: %s: on_end takes too long"

Reason = Literal["hang_up", "caller", "transferred", "stopped", "failed"]


class Kept(msgspec.Struct, omit_defaults=True):
    """Of a call, what survives its worker."""

    agent: str
    facts: Facts
    through: int = 0
    """The number of the last message that the host has worked off."""
    last: int = 0
    plan: Plan | None = None
    host: KeptOfHost = msgspec.field(default_factory=KeptOfHost)
    host_id: str = ""
    """Of the host that had it: where that lives, the agent's instance does."""


class Desk(Protocol):
    """What an agent can do with its call: the channel and its stream."""

    def open(self, plan: Plan, /) -> None:
        """The stream is to connect. What is wrong with the plan is told by AgentCall.ended()."""

    def fail(self, reason: str, prompt: str | None = None, /) -> None:
        """There will be no agent: end the stream as one that has failed, once the caller has heard `prompt`."""

    def send(self, event: dict[str, Any], /) -> None: ...
    def play(self, play: Play, /) -> None: ...
    def silence(self) -> None: ...
    def execute(self, execute: Execute, done: Callable[[Result], None], /) -> None:
        """`done` is called once; the `n` and `call` of its argument do not matter."""

    def close(self) -> None: ...
    def log(self, level: str, text: str, /) -> None: ...
    def kept_changed(self) -> None:
        """There is something new for a worker that comes after this one: AgentCall.kept()."""


class Calls(Protocol):
    """Where the call is known."""

    def place(self, call: AgentCall, /) -> None: ...
    def forget(self, call: AgentCall, /) -> None: ...


class _State(Enum):
    BEGUN = auto()  # no plan yet
    OPEN = auto()
    ENDED = auto()  # the host still has to say that it is done
    GONE = auto()


class AgentCall:
    """Everything happens on the worker's event loop."""

    def __init__(
        self, number: int, agent: str, facts: Facts, desk: Desk, calls: Calls, later: Later, kept: Kept | None = None
    ) -> None:
        """`kept`: the call was another worker's, which has died."""
        self.number = number
        self.agent = agent
        self._facts = facts
        self._desk: Desk | None = desk
        self._calls = calls
        self._later = later
        self._host: AgentHost | None = None
        self.wanted_host = kept.host_id if kept is not None else ""
        """The host that has its agent's instance, where the call was another worker's."""
        self._plan: Plan | None = None
        self._kept = KeptOfHost()
        self._sizes: dict[str, int] = {}  # of what is kept, in bytes: by a turn's index, and "" for the state
        self._again = kept is not None
        self._through = 0
        self._connected = False
        self._state = _State.BEGUN
        self._reason: Reason = "stopped"  # of the end, once there is one
        self._patience: Timer | None = None
        if kept is not None:
            self._plan, self._through = kept.plan, kept.through
            self._keep(kept.host)
        self._journal = Journal(kept.last + UNKNOWN if kept is not None else 0)
        if self._plan is not None:
            self._state = _State.OPEN
        else:
            self._patience = later(PLAN_S, self._no_plan)

    # -- the host that has it

    def taken_by(self, host: AgentHost) -> None:
        self._host, self.wanted_host = host, ""
        kept = self._kept if self._again else None
        self._again = True  # the next one goes on where this one was
        begin = Begin(self.number, self._journal.next(), self.agent, self._facts, kept, self._connected)
        frames = self._journal.frames()
        host.tell(self._journal.note(begin))
        for frame in frames:
            host.tell(frame)

    def host_lost(self) -> None:
        self._host = None
        if self._state is not _State.GONE:
            self._calls.place(self)

    def tell(self, kind: Callable[..., OfCall], *arguments: Any, **fields: Any) -> None:
        """A message for the host: its type and fields, without call and number."""
        if self._state in (_State.ENDED, _State.GONE):
            return
        self._tell(kind, *arguments, **fields)

    def _tell(self, kind: Callable[..., OfCall], *arguments: Any, **fields: Any) -> None:
        try:
            frame = self._journal.note(kind(self.number, self._journal.next(), *arguments, **fields))
        except ProtocolError as error:
            self._log("warning", f"not told to the agent: {error}")
            return
        if self._host is not None:
            self._host.tell(frame)

    # -- what happens to the call

    @property
    def state(self) -> str:
        """For `list`."""
        return {_State.BEGUN: "starting", _State.OPEN: "talking"}.get(self._state, "ended")

    def connected(self, connected: bool) -> None:
        """A session is up, or no longer."""
        self._connected = connected

    def ended(self, reason: Reason, detail: str = "") -> bool:
        """The stream is over, or never was. The last that is told; whether it was not known already."""
        if self._state in (_State.ENDED, _State.GONE):
            return False
        self._tell(Ended, reason, detail)
        self._state, self._reason = _State.ENDED, reason
        self._desk = None
        self._wait(DONE_S, self._had_its_time)
        return True

    # -- what the host wants

    def acts(self, acts: Acts) -> None:
        if acts.keep is not None:
            self._keep(acts.keep)
        self._through = max(self._through, min(acts.through, self._journal.last))
        self._journal.worked_off(self._through)
        if self._desk is not None:
            self._desk.kept_changed()
        for act in acts.acts:
            self._act(act)

    def _act(self, act: Any) -> None:
        if isinstance(act, Done):
            if self._state is _State.ENDED:
                logger.info(_DONE, self.agent, self._facts.uuid, act.reason or self._reason)
                self._gone()
            return
        desk = self._desk
        if desk is None:
            return  # it is over: the host does not know yet
        match act:
            case Plan():
                self._open(desk, act)
            case Fail(reason, prompt):
                desk.fail(reason, prompt)
            case Send(event):
                desk.send(event)
            case Play():
                desk.play(act)
            case Break():
                desk.silence()
            case Execute():
                desk.execute(act, self._result)
            case Close():
                desk.close()
            case Log(level, text):
                desk.log(level, text)

    def _open(self, desk: Desk, plan: Plan) -> None:
        if self._state is not _State.BEGUN:
            return  # a host that went on made the same plan once more
        self._state = _State.OPEN
        self._plan = plan
        self._wait(None)
        desk.open(plan)

    def _result(self, result: Result) -> None:
        self.tell(Result, result.id, result.ok, result.value, result.error)

    def _no_plan(self) -> None:
        self._patience = None
        if self._desk is not None and self._state is _State.BEGUN:
            self._desk.fail("Agent did not answer")

    # -- what is kept

    def _keep(self, keep: KeptOfHost) -> None:
        kept = self._kept
        kept.state = keep.state
        self._sizes[""] = _size(keep.state)
        for index, turn in keep.turns.items():
            kept.turns[index] = turn
            self._sizes[index] = _size(turn)
        excess = sum(self._sizes.values()) - MAX_KEPT_BYTES
        while excess > 0 and kept.turns:
            oldest = min(kept.turns, key=_index)
            del kept.turns[oldest]
            excess -= self._sizes.pop(oldest)
        if excess > 0:
            kept.state, self._sizes = {}, {}
            self._log("error", "the agent's state is too large to be kept: it would begin anew in another process")

    def kept(self) -> Kept:
        """For a worker that comes after this one."""
        host_id = self._host.id if self._host is not None else ""
        return Kept(self.agent, self._facts, self._through, self._journal.last, self._plan, self._kept, host_id)

    # -- inner

    def _log(self, level: str, text: str) -> None:
        if self._desk is not None:
            self._desk.log(level, text)

    def _wait(self, delay_s: float | None, then: Callable[[], None] | None = None) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if delay_s is not None and then is not None:
            self._patience = self._later(delay_s, then)

    def _had_its_time(self) -> None:
        self._patience = None
        logger.warning(_GIVEN_UP, self.agent, self._facts.uuid, self._reason)
        self._gone()

    def _gone(self) -> None:
        self._state = _State.GONE
        self._wait(None)
        self._calls.forget(self)


def _size(what: Any) -> int:
    return len(msgspec.json.encode(what))


def _index(name: str) -> int:
    """Of a turn; what is no number comes first."""
    return int(name) if name.isascii() and name.isdigit() and len(name) < 10 else -1
