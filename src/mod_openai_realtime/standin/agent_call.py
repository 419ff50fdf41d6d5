"""A call that the stand-in's dialplan gives to an agent, from the application's start to its end."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from .call import Call, ChannelState
from .errors import CallGoneError
from .events import LogLine
from .switch import StandIn

_ENDED = re.compile(r"agent \S+ ended: (\w+)")


def arriving(number: str, dialled: str = "5100") -> dict[str, str]:
    """Variables of a channel on which somebody calls."""
    known = {"caller_id_number": number, "caller_id_name": number, "destination_number": dialled}
    return {**known, "direction": "inbound"}


def parameter_words(parameters: Mapping[str, str]) -> str:
    """For the application's data, behind the agent's name. Quotes are there for words with blanks, and nothing is
    escaped. Raises ValueError for what it can't be told."""
    check_lines(parameters)
    return " ".join(_word(f"{name}={value}") for name, value in parameters.items())


def _word(text: str) -> str:
    if not any(letter.isspace() for letter in text):
        return text
    if "'" in text:
        raise ValueError(f"a parameter has blanks or a ', not both: {text!r}")
    return f"'{text}'"


def check_lines(given: Mapping[str, str]) -> None:
    """Raises ValueError for what no channel can be told."""
    for name, value in given.items():
        if any(each in name + value for each in "\0\r\n"):
            raise ValueError(f"{name} is to be one line, not {value!r}")


def listed_state(listed: str) -> str | None:
    """From the reply to `uuid_openai_agent … list`: the agent's state, None until the call is its."""
    rows = json.loads(listed.removeprefix("+OK ")) if listed.startswith("+OK [") else []
    return str(rows[0]["state"]) if rows and rows[0]["state"] != "starting" else None


class AgentCall:
    """Everything but the application happens on the event loop.

    Whoever takes the switch's log hands in the lines; they tell why the agent ended.
    """

    def __init__(self, switch: StandIn, call: Call) -> None:
        self.call = call
        self.reason: str | None = None
        """Why it ended, as on_end has it: hang_up (the agent), caller, transferred, stopped, failed. None: it has not,
        or the reason is still to be told."""
        self._switch = switch
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="agent-call")
        self._application: asyncio.Future[None] | None = None
        call.set_sends(False)

    def begin(self, data: str) -> None:
        """The dialplan runs `openai_agent` with this, on a thread that is the session's meanwhile."""
        loop = asyncio.get_running_loop()
        execute = self._switch.execute_app
        self._application = loop.run_in_executor(self._threads, execute, self.call, "openai_agent", data)

    @property
    def over(self) -> bool:
        """The application has returned."""
        return self._application is not None and self._application.done()

    @property
    def state(self) -> str | None:
        """The agent's; None until the call is its."""
        if self.reason is not None or self.over:
            return "ended"
        return listed_state(self._switch.api("uuid_openai_agent", f"{self.call.uuid} list"))

    def logged(self, line: LogLine) -> None:
        """A line of the switch's log, of whichever call."""
        found = _ENDED.search(line.text)
        if found and line.uuid == self.call.uuid:
            self.reason = found[1]

    def look(self) -> None:
        """An agent that never began leaves no line, only its result."""
        if self.over and self.reason is None and self.variable("openai_agent_result") == "failed":
            self.reason = "failed"

    def variable(self, name: str) -> str | None:
        """Of the channel; None where it is not set, or the channel is gone."""
        try:
            return None if self.call.state is ChannelState.HANGUP else self.call.variable(name)
        except CallGoneError:
            return None

    @property
    def transferred_to(self) -> str | None:
        """The extension, or the URI of a REFER."""
        destination = self.variable("transfer_destination")
        return destination.split()[0] if destination else None

    async def hang_up(self) -> None:
        """The caller does. Returns once the channel is gone."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self.call.hangup)

    async def finish(self, timeout_s: float) -> None:
        """Whatever is left of the call ends; the application is waited for so long."""
        await self.hang_up()
        if self._application is not None:
            await asyncio.wait([self._application], timeout=timeout_s)
        self._threads.shutdown(wait=False)
