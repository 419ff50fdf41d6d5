"""What the engine has FreeSWITCH do with a channel, and what the caller keys in: EXECUTE, DONE and DTMF on the link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .wire import Message

# Of the header's field; 0 would be no number.
LARGEST_NUMBER = 2**32 - 1
# How API commands tell that they have failed: FreeSWITCH itself takes them for carried out.
_FAILURES = ("-ERR", "-USAGE")
LINK_LOST = "FreeSWITCH has closed the channel's link"
ENDED = frozenset({LINK_LOST, "Channel has ended"})
"""Why something was not carried out on a channel that is gone; the second is the module's text."""


class ExecuteKind(StrEnum):
    """What `name` and `arguments` are."""

    APPLICATION = "application"
    """A dialplan application on this channel and its data. The answer comes when it has ended: what FreeSWITCH calls
    the application's response, often empty."""
    API = "api"
    """An API command, as on the console. The answer is what it prints."""
    GET = "get"
    """A variable of this channel, as `${name}` has it; the answer is None where it is not set."""
    SET = "set"
    """A variable of this channel and its value; none or an empty one unsets it."""


class ExecutionError(Exception):
    """It was not carried out, or has failed. The message is FreeSWITCH's own reason, or the module's."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A key that the caller has pressed."""

    digit: str
    """0 to 9, `*`, `#`, A to D."""
    duration_ms: int
    source: str
    """`rtp`, `endpoint` (SIP INFO), `inband`, `application` or `unknown`."""


class Executions:
    """What one channel's link has asked for and has no answer to yet.

    The module bounds how many there can be, and answers each; how long to wait is the caller's own decision. Whoever
    gives up (cancels the future) does not stop what FreeSWITCH is doing.
    """

    def __init__(self, send: Callable[[int, dict[str, str]], None], loop: asyncio.AbstractEventLoop) -> None:
        """`send` sends an EXECUTE of this number with these fields."""
        self._send = send
        self._loop = loop
        self._number = 0
        self._waiting: dict[int, tuple[ExecuteKind, asyncio.Future[str | None]]] = {}
        self._lost = False

    def __len__(self) -> int:
        return len(self._waiting)

    def execute(self, kind: ExecuteKind, name: str, arguments: str | None = None) -> asyncio.Future[str | None]:
        """The future of the answer. It raises ExecutionError; what can't be sent as text raises ValueError at once."""
        if "\0" in name or (arguments is not None and "\0" in arguments):
            raise ValueError("there can be no NUL character in what FreeSWITCH is told")
        future: asyncio.Future[str | None] = self._loop.create_future()
        if self._lost:
            future.set_exception(ExecutionError(LINK_LOST))
            return future
        self._number = self._free_number()
        self._waiting[self._number] = (kind, future)
        fields = {"kind": kind.value, "name": name}
        if arguments is not None:
            fields["arguments"] = arguments
        try:
            self._send(self._number, fields)
        except ValueError:  # what is no text
            del self._waiting[self._number]
            raise
        return future

    def _free_number(self) -> int:
        number = self._number % LARGEST_NUMBER + 1
        while number in self._waiting:
            number = number % LARGEST_NUMBER + 1
        return number

    def take(self, done: Message) -> None:
        """A DONE has come. One for nothing that waits is passed over."""
        kind, future = self._waiting.pop(done.request, (None, None))
        if future is None or future.done():
            return
        text = done.fields.get("text")
        if kind is ExecuteKind.API:
            text = (text or "").rstrip("\r\n")
        if done.fields.get("ok") != "1":
            future.set_exception(ExecutionError((text or "It failed, and nothing says why").strip()))
        elif kind is ExecuteKind.API and text is not None and text.startswith(_FAILURES):
            future.set_exception(ExecutionError(text.removeprefix("-ERR").removeprefix("-").strip()))
        else:
            future.set_result(text)

    def lose(self) -> None:
        """The link has ended: nothing is answered any more."""
        self._lost = True
        waiting, self._waiting = self._waiting, {}
        for _, future in waiting.values():
            if not future.done():
                future.set_exception(ExecutionError(LINK_LOST))
                future.exception()  # nobody has to ask


def read_digit(message: Message) -> Digit | None:
    """Of a DTMF; None where it makes no sense."""
    fields = message.fields
    digit, duration = fields.get("digit", ""), fields.get("duration_ms", "")
    if len(digit) != 1 or not (duration.isascii() and duration.isdigit()):
        return None
    return Digit(digit.upper(), int(duration[:9]), fields.get("source", "unknown"))
