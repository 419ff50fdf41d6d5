"""`Call`: what an agent knows of its call, and what it can do with it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from . import control, leaving
from .values import Consult, Heard, State, Turn
from .wording import exactly, message_item

if TYPE_CHECKING:
    from .agent import Agent
    from .driver import Driver

When = Literal["heard", "now"]


class Call:
    """A telephone call, as the agent has it. All methods may be awaited by hooks and `async def` tools, several at a
    time; whoever stops waiting (is cancelled) does not undo what was asked for.

    Methods raise CallError, with FreeSWITCH's reason, where something can't be done; the conversation goes on. After
    the end of the call they raise CallError too, but for those that say what was heard: nothing is heard any more.
    """

    def __init__(self, driver: Driver, parameters: dict[str, str], started_at: datetime) -> None:
        self._driver = driver
        facts = driver.facts
        self.uuid: str = facts.uuid
        """Of the channel."""
        self.caller_number: str = facts.caller_number
        """Empty where it is withheld, as the next."""
        self.caller_name: str = facts.caller_name
        self.dialled: str = facts.dialled
        """The number that was called."""
        self.direction: Literal["inbound", "outbound"] = facts.direction
        """As FreeSWITCH has it: `outbound` where it placed the call."""
        self.parameters: dict[str, str] = parameters
        """The `name=value` pairs of the application or the command, and the channel variables `AGENT_*`
        (AGENT_TABLE_SIZE is `table_size`)."""
        self.started_at: datetime = started_at
        """Aware, UTC."""

    def __repr__(self) -> str:
        return f"<Call {self.uuid} {self.state}>"

    @property
    def state(self) -> State:
        """`starting` until the first session, `talking`, `held`, `ending` once the agent ends or passes on the call,
        `ended`."""
        return self._driver.brain.state

    @property
    def turns(self) -> list[Turn]:
        """What both sides have said so far, the agent as far as it was heard, and what tools gave back; in the order in
        which it began. A new list each time."""
        return self._driver.brain.turns.all

    @property
    def usage(self) -> dict[str, Any]:
        """The API's own figures of all responses, summed over all sessions (transcription's under `transcription`), and
        `seconds`, of the call so far."""
        return self._driver.usage()

    @property
    def interrupted(self) -> bool:
        """In a tool: the caller has begun to speak since it was called. Elsewhere: the caller is speaking."""
        return self._driver.interrupted()

    # -- what the caller hears, and what the model knows

    async def say(self, text: str, *, interruptible: bool = True) -> Heard:
        """Has the model say just that, and returns once it was heard, or cut short."""
        return await self._driver.say(exactly(text), exactly=True, interruptible=interruptible)

    async def reply(self, instructions: str | None = None, *, interruptible: bool = True) -> Heard:
        """Asks the model for a response, with `instructions` for this one beside the agent's; returns once it was
        heard, or cut short."""
        return await self._driver.say(instructions, interruptible=interruptible)

    async def play(self, audio: str | bytes, interruptible: bool = True) -> Heard:
        """Own audio, exact, behind what is being said: the path of a WAV file of any rate (as the engine sees it), or
        pcm16 at 24 kHz, mono. Returns once it was heard, or cut short."""
        return await self._driver.play(audio, interruptible)

    async def tell(self, text: str) -> None:
        """Puts a system message into the conversation; no response follows."""
        await self.send(message_item("system", text))

    async def heard(self) -> None:
        """Returns when nothing is left to be heard, or the caller has interrupted it."""
        await self._driver.until_heard(None)

    async def send(self, event: dict[str, Any]) -> None:
        """Any client event of the API, as it is. A `response.create` waits for its turn. Between two connections events
        wait for the next. Past 500 at once a call has 200 a second, with all else that it asks for: more of them wait.
        Raises ValueError for more than 4 MiB."""
        await self._driver.send(event)

    # -- what becomes of the call

    async def transfer(
        self,
        extension: str,
        context: str | None = None,
        dialplan: str = "XML",
        *,
        when: When = "heard",
        unless_interrupted: bool = False,
    ) -> None:
        """Blind transfer of the channel. `context` None: its own.

        First waits until what the agent was saying has been heard, at most 15 s; `when="now"` doesn't. Where the caller
        speaks into it, the wait ends and the transfer is carried out; with `unless_interrupted` it is given up, and
        raises Interrupted. Raises CallError where the XML dialplan has no such extension.
        """
        await leaving.leave(self._driver, control.transfer(extension, context, dialplan), when, unless_interrupted)

    async def refer(self, uri: str, *, when: When = "heard", unless_interrupted: bool = False) -> None:
        """Sends the caller's telephone elsewhere (SIP REFER). Waits as transfer() does, then until the telephone has
        told what came of it, 90 s at most. Raises CallError where it refuses, or nobody is there."""
        await leaving.leave(self._driver, control.refer(uri), when, unless_interrupted)

    async def bridge(
        self, dial_string: str, *, listen: bool = False, when: When = "heard", unless_interrupted: bool = False
    ) -> None:
        """Connects the caller to another party. The agent ends, and the dialplan goes on when the other party hangs up;
        with `listen` the agent hears on, muted, and takes over again then. Waits as transfer() does. Raises CallError
        with the cause for which the other party did not answer (`USER_BUSY`)."""
        await leaving.bridge(self._driver, dial_string, listen, when, unless_interrupted)

    async def consult(
        self,
        dial_string: str,
        briefing: str,
        timeout_s: float = 30,
        *,
        when: When = "heard",
        unless_interrupted: bool = False,
    ) -> Consult:
        """Attended transfer: the caller waits (hold music), the agent calls the other party in a session of its own,
        tells the briefing, and connects both when that party agrees. `timeout_s`: for the other party to answer. Waits
        first as transfer() does. Raises CallError where the dial string can't be called, or the endpoint stays away."""
        return await leaving.consult(self._driver, dial_string, briefing, timeout_s, when, unless_interrupted)

    async def hang_up(
        self, cause: str = "NORMAL_CLEARING", *, when: When = "heard", unless_interrupted: bool = False
    ) -> None:
        """Ends the call. Waits as transfer() does, so that a goodbye is heard to its end."""
        await leaving.leave(self._driver, control.hang_up(cause), when, unless_interrupted)

    async def hold(self) -> None:
        """Hold music to the caller, nothing of the caller to the model."""
        await leaving.hold(self._driver, True)

    async def unhold(self) -> None:
        """Ends hold()."""
        await leaving.hold(self._driver, False)

    async def hand_over(self, agent: Agent) -> None:
        """Another agent goes on with the same conversation: its instructions, its tools, and its voice where the caller
        has heard none yet. It gets on_start, and its greeting is asked for; the one before it gets on_end with
        `handed_over`. Should its process die it is made again, from its class and the arguments of its constructor as
        far as they are JSON."""
        await self._driver.hand_over(agent)

    # -- digits, variables, and anything else

    async def send_digits(self, digits: str) -> None:
        """DTMF towards the caller: up to 128 of 0-9, *, #, A-D. Returns once they have been sent, which takes 0.2 s for
        each."""
        await self._driver.execute(control.send_digits(digits))

    async def digits(self, count: int | None = None, terminator: str | None = "#", timeout_s: float = 10) -> str:
        """Collects what the caller keys in, until there are `count` digits, or the terminator (which is not among
        them), or none came for `timeout_s`; the model isn't told. `""` where nothing was keyed."""
        return await self._driver.collect(count, terminator, timeout_s)

    async def variable(self, name: str) -> str | None:
        """Of the channel; None where it is not set."""
        return await self._driver.execute(control.get_variable(name))

    async def set_variable(self, name: str, value: str) -> None:
        """Of the channel."""
        await self._driver.execute(control.set_variable(name, value))

    async def execute(self, application: str, data: str = "") -> None:
        """A dialplan application, on this channel; returns when it has."""
        await self._driver.execute(control.application(application, data))

    async def api(self, command: str, arguments: str = "") -> str:
        """A command of FreeSWITCH's; -> its answer. Raises CallError where that begins with -ERR."""
        return await self._driver.execute(control.api(command, arguments)) or ""

    async def record(self, path: str) -> None:
        """Both sides into a file from now on, the caller left, the agent right, by FreeSWITCH itself: the end of the
        name says the format, and a file that is there is overwritten. A path that is not absolute is in its folder for
        recordings. Raises CallError where the call is recorded already."""
        await self._driver.execute(control.record(path))

    async def stop_recording(self) -> None:
        """Ends what record() began."""
        await self._driver.execute(control.stop_recording())
