"""What is asked of FreeSWITCH over a channel's link, and the keys that are pressed."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator

import pytest

from mod_openai_realtime.switch.execution import Digit, ExecuteKind, ExecutionError
from mod_openai_realtime.switch.link import Link
from mod_openai_realtime.switch.wire import Decoder, Message, MessageType, encode


class Listener:
    def on_message(self, message: Message, fds: deque[int]) -> None: ...

    def on_link_full(self, full: bool) -> None: ...

    def on_link_lost(self) -> None: ...


class Module:
    """The other end of the link."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._decoder = Decoder()
        self._messages: deque[Message] = deque()

    async def next(self) -> Message:
        while not self._messages:
            data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
            self._messages.extend(self._decoder.feed(data))
        return self._messages.popleft()

    def done(self, number: int, ok: bool = True, text: str | None = None) -> None:
        fields = {"ok": "1" if ok else "0"} | ({"text": text} if text is not None else {})
        self.sock.send(encode(MessageType.DONE, request=number, fields=fields))


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Link, Module]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    link = Link(ours, asyncio.get_running_loop())
    link.start(Listener())
    yield link, Module(theirs)
    link.close()
    theirs.close()


async def test_each_is_answered_by_its_number(pair: tuple[Link, Module]) -> None:
    link, module = pair
    first = link.execute(ExecuteKind.API, "uuid_exists", "abc")
    second = link.execute(ExecuteKind.SET, "note", "two words")
    third = link.execute(ExecuteKind.GET, "note")
    asked = [await module.next() for _ in range(3)]
    assert [message.fields for message in asked] == [
        {"kind": "api", "name": "uuid_exists", "arguments": "abc"},
        {"kind": "set", "name": "note", "arguments": "two words"},
        {"kind": "get", "name": "note"},
    ]
    assert link.executing == 3
    module.done(asked[2].request, text="two words\n")
    module.done(asked[1].request)
    module.done(asked[0].request, text="true\n")
    assert (await first, await second, await third) == ("true", None, "two words\n")
    assert link.executing == 0


@pytest.mark.parametrize(
    ("kind", "ok", "text", "reason"),
    [
        (ExecuteKind.APPLICATION, False, "Unknown application", "Unknown application"),
        (ExecuteKind.API, False, "INVALID COMMAND!\n", "INVALID COMMAND!"),
        (ExecuteKind.API, True, "-ERR No such channel!\n", "No such channel!"),
        (ExecuteKind.API, True, "-USAGE: <uuid> <cause>\n", "USAGE: <uuid> <cause>"),
        (ExecuteKind.SET, False, None, "It failed, and nothing says why"),
    ],
)
async def test_a_failure_is_told(
    pair: tuple[Link, Module], kind: ExecuteKind, ok: bool, text: str | None, reason: str
) -> None:
    link, module = pair
    answer = link.execute(kind, "x")
    module.done((await module.next()).request, ok, text)
    with pytest.raises(ExecutionError) as caught:
        await answer
    assert str(caught.value) == reason


async def test_a_value_that_looks_like_an_error_is_a_value(pair: tuple[Link, Module]) -> None:
    link, module = pair
    answer = link.execute(ExecuteKind.GET, "x")
    module.done((await module.next()).request, text="-ERR of somebody's own")
    assert await answer == "-ERR of somebody's own"


async def test_one_that_is_given_up_keeps_its_number(pair: tuple[Link, Module]) -> None:
    link, module = pair
    given_up = link.execute(ExecuteKind.API, "originate")
    given_up.cancel()
    number = (await module.next()).request
    link._executions._number = number - 1  # all others have been used
    answer = link.execute(ExecuteKind.GET, "x")
    other = (await module.next()).request
    assert other != number
    module.done(number, text="late")
    module.done(other, text="right")
    assert await answer == "right"


async def test_a_link_that_ends_answers_all(pair: tuple[Link, Module]) -> None:
    link, module = pair
    answers = [link.execute(ExecuteKind.GET, "x") for _ in range(3)]
    module.sock.shutdown(socket.SHUT_RDWR)
    for answer in answers:
        with pytest.raises(ExecutionError, match="closed the channel's link"):
            await answer
    with pytest.raises(ExecutionError):
        await link.execute(ExecuteKind.GET, "x")


async def test_an_answer_to_nothing_is_passed_over(pair: tuple[Link, Module]) -> None:
    link, module = pair
    module.done(17)
    answer = link.execute(ExecuteKind.GET, "x")
    module.done((await module.next()).request, text="right")
    assert await answer == "right"


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_what_is_no_text_is_refused_at_once(pair: tuple[Link, Module], text: str) -> None:
    link, _ = pair
    with pytest.raises(ValueError):
        link.execute(ExecuteKind.SET, "x", text)
    assert link.executing == 0


async def test_keys_are_told_to_who_watches(pair: tuple[Link, Module]) -> None:
    link, module = pair
    told: list[Digit] = []
    came = asyncio.Event()

    def fail(_digit: Digit) -> None:
        raise RuntimeError("a fault")

    link.watch_digits(fail)
    unwatch = link.watch_digits(told.append)
    link.watch_digits(lambda _digit: came.set())
    for digit, duration in (("1", "100"), ("", "100"), ("12", "100"), ("2", "x"), ("d", "40")):
        fields = {"digit": digit, "duration_ms": duration, "source": "rtp"}
        module.sock.send(encode(MessageType.DTMF, fields=fields))
    answer = link.execute(ExecuteKind.GET, "x")
    module.done((await module.next()).request)
    await answer
    assert told == [Digit("1", 100, "rtp"), Digit("D", 40, "rtp")]
    unwatch()
    came.clear()
    module.sock.send(encode(MessageType.DTMF, fields={"digit": "3", "duration_ms": "100", "source": "rtp"}))
    await came.wait()
    assert len(told) == 2
