"""A channel's link: messages and descriptors over a Unix socket."""

import asyncio
import os
import socket
import weakref
from collections import deque
from itertools import groupby
from pathlib import Path

import pytest

from mod_openai_realtime.switch.link import (
    DRAINED_BYTES,
    FULL_BYTES,
    MAX_UNFINISHED_BYTES,
    MAX_WAITING_FDS,
    MESSAGES_A_TURN,
    PIECE_BYTES,
    Link,
    Shared,
    peer_is_trusted,
)
from mod_openai_realtime.switch.wire import Decoder, Message, MessageType, encode


class Listener:
    def __init__(self) -> None:
        self.messages: asyncio.Queue[tuple[Message, int]] = asyncio.Queue()
        self.lost = asyncio.Event()
        self.full: list[bool] = []

    def on_message(self, message: Message, fds: deque[int]) -> None:
        fd = fds.popleft() if message.type == MessageType.OPENED and fds else -1
        self.messages.put_nowait((message, fd))

    def on_link_full(self, full: bool) -> None:
        self.full.append(full)

    def on_link_lost(self) -> None:
        self.lost.set()


@pytest.fixture
async def pair() -> tuple[Link, Listener, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    link, listener = Link(ours, asyncio.get_running_loop()), Listener()
    link.start(listener)
    return link, listener, theirs


async def test_a_descriptor_arrives_with_its_message(pair: tuple[Link, Listener, socket.socket]) -> None:
    link, listener, theirs = pair
    fd = os.memfd_create("memory")
    os.write(fd, b"shared")
    theirs.send(encode(MessageType.COMMAND, request=1))
    socket.send_fds(theirs, [encode(MessageType.OPENED, stream=1, request=1)], [fd])
    os.close(fd)
    assert (await listener.messages.get())[0].type == MessageType.COMMAND
    message, received = await listener.messages.get()
    assert message.stream == 1
    assert os.pread(received, 10, 0) == b"shared"
    os.close(received)
    link.close()
    theirs.close()


async def test_a_switch_that_is_behind_is_told_of_and_so_is_its_catching_up(
    pair: tuple[Link, Listener, socket.socket],
) -> None:
    link, listener, theirs = pair
    body = bytes(FULL_BYTES // 8)
    sent = 0
    while not listener.full:
        link.send(MessageType.EVENT, fields={"body": body})
        sent += len(body)
        assert sent < 64 * FULL_BYTES
    for _ in range(3):
        link.send(MessageType.EVENT, fields={"body": body})
    assert listener.full == [True]
    loop = asyncio.get_running_loop()
    theirs.setblocking(False)
    read = 0
    async with asyncio.timeout(20):
        while len(listener.full) < 2:
            read += len(await loop.sock_recv(theirs, 1 << 16))
    assert listener.full == [True, False]
    assert not link.full
    assert read > FULL_BYTES - DRAINED_BYTES
    link.close()
    theirs.close()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_descriptors_that_belong_to_no_message_end_the_link_and_are_closed(
    pair: tuple[Link, Listener, socket.socket],
) -> None:
    link, listener, theirs = pair
    fd = os.memfd_create("memory")
    before = open_descriptors()
    for number in range(1, 20):
        socket.send_fds(theirs, [encode(MessageType.COMMAND, request=number)], [fd] * 3)
    await listener.lost.wait()
    assert not link.open
    assert listener.messages.qsize() <= MAX_WAITING_FDS
    assert open_descriptors() == before - 1  # of the link itself
    os.close(fd)
    theirs.close()


async def test_what_the_switch_does_not_take_yet_is_kept_in_order(pair: tuple[Link, Listener, socket.socket]) -> None:
    link, _, theirs = pair
    bodies = [bytes([number]) * 100_000 for number in range(20)]
    for body in bodies:
        link.send(MessageType.EVENT, fields={"body": body})
    theirs.setblocking(False)
    decoder, got = Decoder(), []
    loop = asyncio.get_running_loop()
    while len(got) < 20:
        got += [message.fields["body"].encode() for message in decoder.feed(await loop.sock_recv(theirs, 65536))]
    assert got == bodies
    await link.flushed()
    link.close()
    theirs.close()


async def test_the_end_of_the_switch_is_told_once(pair: tuple[Link, Listener, socket.socket]) -> None:
    link, listener, theirs = pair
    theirs.close()
    await listener.lost.wait()
    assert not link.open
    link.send(MessageType.IDLE)


async def test_nonsense_ends_the_link(pair: tuple[Link, Listener, socket.socket]) -> None:
    link, listener, theirs = pair
    theirs.send(b"\xff" * 64)
    await listener.lost.wait()
    assert not link.open
    theirs.close()


async def test_a_switch_that_takes_nothing_is_given_up(
    pair: tuple[Link, Listener, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    link, listener, theirs = pair
    monkeypatch.setattr("mod_openai_realtime.switch.link.MAX_UNSENT_BYTES", 1 << 20)
    for _ in range(20):
        link.send(MessageType.EVENT, fields={"body": bytes(100_000)})
    await listener.lost.wait()
    assert not link.open
    theirs.close()


async def test_links_with_many_messages_take_turns(pair: tuple[Link, Listener, socket.socket]) -> None:
    _, _, theirs = pair
    shared, loop = Shared(), asyncio.get_running_loop()
    order: list[str] = []
    done = asyncio.Event()

    class Counting(Listener):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_message(self, message: Message, fds: deque[int]) -> None:
            order.append(self.name)
            if len(order) == 2000:
                done.set()

    links = []
    for name in "ab":
        ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.send(encode(MessageType.COMMAND, request=1) * 1000)
        links.append((Link(ours, loop, shared), peer))
        links[-1][0].start(Counting(name))
    async with asyncio.timeout(20):
        await done.wait()
    # Nobody has more than two turns in a row: its reading, and its place among those that wait.
    longest = max(len(list(run)) for _, run in groupby(order[: order.index("b") + 1000]))
    assert order.count("a") == order.count("b") == 1000
    assert longest <= 3 * MESSAGES_A_TURN
    for link, peer in links:
        link.close()
        peer.close()
    theirs.close()
    pair[0].close()


async def test_what_links_begin_and_do_not_end_is_bounded_all_together() -> None:
    shared, loop = Shared(), asyncio.get_running_loop()
    head = encode(MessageType.COMMAND, fields={"arguments": "x" * (15 << 20)})[: 15 << 20]
    most = MAX_UNFINISHED_BYTES // len(head)
    links = []
    for _ in range(most + 1):
        ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        link, listener = Link(ours, loop, shared), Listener()
        link.start(listener)
        peer.setblocking(False)
        links.append((link, listener, peer))
        try:
            await loop.sock_sendall(peer, head)
            for _ in range(100):  # what is in the socket still is read in some
                await asyncio.sleep(0)
        except ConnectionError:
            break
    assert [link.open for link, _, _ in links] == [True] * most + [False]
    assert shared.unfinished_bytes == most * len(head)
    for link, _, peer in links:
        link.close()
        peer.close()
    assert shared.unfinished_bytes == 0


async def test_a_link_that_was_lost_keeps_nothing_of_what_it_had() -> None:
    """Without a collection, which may be minutes away."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    link, listener = Link(ours, asyncio.get_running_loop()), Listener()
    link.start(listener)
    begun = encode(MessageType.COMMAND, request=1, fields={"arguments": "x" * 10_000})[:-1]
    theirs.sendall(encode(MessageType.HOLD) + begun)
    await listener.messages.get()
    assert link._decoder.unfinished_bytes == len(begun)
    theirs.close()
    await listener.lost.wait()
    assert link._decoder.unfinished_bytes == 0
    known = weakref.ref(listener)
    del listener
    assert known() is None


async def test_replies_that_nobody_takes_count_for_what_it_takes_to_keep_them(
    pair: tuple[Link, Listener, socket.socket],
) -> None:
    link, listener, theirs = pair
    sent = 0
    while not listener.full:
        link.send(MessageType.REPLY, request=1, fields={"text": "+OK"})
        sent += 1
        assert sent < 4 * FULL_BYTES // PIECE_BYTES
    link.close()
    theirs.close()


def test_the_peers_user_is_checked() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        assert peer_is_trusted(ours, frozenset({os.getuid()}))
        if os.getuid() != 0:
            assert not peer_is_trusted(ours, frozenset())
