"""One channel's connection to the module: messages over a Unix stream socket, with file descriptors."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from ..in_hand import NOBODYS
from ..realtime.share import RoundRobin
from . import interface
from .execution import Digit, ExecuteKind, Executions, read_digit
from .wire import Decoder, Message, MessageType, WireError, encode

logger = logging.getLogger(__name__)

RECEIVE_BYTES = 64 * 1024
# Events wait here when FreeSWITCH falls behind. A switch this far behind is lost: the link is given up.
MAX_UNSENT_BYTES = 64 * 2**20
# What it takes to keep one message, however short: of replies of 50 bytes the link would keep five times its limit.
PIECE_BYTES = 256
# A descriptor belongs to the message that it comes with, and one message at a time is incomplete.
MAX_WAITING_FDS = 8
# Long before that nothing more is read from the servers, until most of it has gone.
FULL_BYTES, DRAINED_BYTES = 2**20, 2**18
# FreeSWITCH has few for us at a time. One that comes with more has the others' turn between these.
MESSAGES_A_TURN = 16
# Of messages that have not come whole, of all links of a worker: some twenty of the largest commands at once.
MAX_UNFINISHED_BYTES = 256 * 2**20
CREDENTIALS = struct.Struct("3i")


class LinkListener(Protocol):
    def on_message(self, message: Message, fds: deque[int]) -> None:
        """A message came. It takes the descriptors that are its own from `fds`, oldest first, and closes them."""

    def on_link_full(self, full: bool) -> None:
        """More than FULL_BYTES wait; or, with False, no more than DRAINED_BYTES do. Called from within a send, too."""

    def on_link_lost(self) -> None:
        """The module closed the link, or died. The last call."""


@dataclass(slots=True)
class Shared:
    """By all links of a worker."""

    round_robin: RoundRobin = field(default_factory=RoundRobin)
    unfinished_bytes: int = 0


class Link:
    """Sends never block and never fail: a link that breaks ends with on_link_lost, in a later turn of the loop."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop, shared: Shared | None = None) -> None:
        """`shared` None: with nobody."""
        self._sock = sock
        self._loop = loop
        self._shared = shared or Shared()
        self._decoder = Decoder()
        self._messages: Iterator[Message] = iter(())  # of what was read last
        self._unfinished_bytes = 0  # counted in what is shared
        self._fds: deque[int] = deque()
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._listener: LinkListener | None = None
        self._flushed: asyncio.Future[None] | None = None
        self._open = True
        self._executions = Executions(self._send_execute, loop)
        self._digit_watchers: list[Callable[[Digit], None]] = []
        self.full = False
        """As the listener was told."""
        self.in_hand = NOBODYS
        """For whom messages are worked off; the listener's to set, who learns that from the first one."""
        sock.setblocking(False)

    def start(self, listener: LinkListener) -> None:
        self._listener = listener
        self._loop.add_reader(self._sock, self._readable)

    @property
    def open(self) -> bool:
        return self._open

    def send(
        self,
        kind: MessageType,
        *,
        stream: int = 0,
        request: int = 0,
        fields: Mapping[str, str | bytes] | None = None,
    ) -> None:
        if not self._open:
            return
        data = memoryview(encode(kind, stream=stream, request=request, fields=fields))
        if not self._unsent:
            try:
                data = data[self._sock.send(data) :]
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                logger.debug("link broke: %s", error)
                self._lose()
                return
            if not data:
                return
            self._loop.add_writer(self._sock, self._writable)
        self._unsent.append(data)
        self._unsent_bytes += len(data) + PIECE_BYTES
        if self._unsent_bytes > MAX_UNSENT_BYTES:
            logger.error("the switch takes no events any more: link given up")
            self._lose()
        elif self._unsent_bytes > FULL_BYTES:
            self._tell_full(True)

    def execute(self, kind: ExecuteKind, name: str, arguments: str | None = None) -> asyncio.Future[str | None]:
        """Has FreeSWITCH do something: see ExecuteKind. The future raises ExecutionError.

        It has no time limit, and cancelling it stops nothing. What is asked for at a time is carried out in no certain
        order: wait for the one before where the order matters.
        """
        return self._executions.execute(kind, name, arguments)

    @property
    def executing(self) -> int:
        """How much of that has no answer yet."""
        return len(self._executions)

    def watch_digits(self, watcher: Callable[[Digit], None]) -> Callable[[], None]:
        """Has `watcher` called with each key that the caller presses. Returns what ends that."""
        self._digit_watchers.append(watcher)
        return lambda: self._digit_watchers.remove(watcher)

    def _send_execute(self, number: int, fields: dict[str, str]) -> None:
        self.send(MessageType.EXECUTE, request=number, fields=fields)

    def _take(self, message: Message) -> None:
        """What the link itself understands. The listener sees all of it all the same."""
        if message.type == MessageType.HELLO:
            if message.fields.get("interface") != interface.FIELDS["interface"]:
                self.send(MessageType.INTERFACE, fields=interface.FIELDS)
        elif message.type == MessageType.DONE:
            self._executions.take(message)
        elif message.type == MessageType.DTMF and (digit := read_digit(message)) is not None:
            for watcher in list(self._digit_watchers):
                try:
                    watcher(digit)
                except Exception:
                    logger.exception("a key that was pressed got lost")  # not what comes after it

    def close(self) -> None:
        """For the engine's own end only: to the module, a closed link is an engine that died."""
        if not self._open:
            return
        self._open = False
        self._count_unfinished(0)
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        while self._fds:
            os.close(self._fds.popleft())
        self._executions.lose()
        self._tell_flushed()
        self._decoder, self._messages = Decoder(), iter(())  # up to 16 MiB
        self._unsent.clear()

    async def flushed(self) -> None:
        """Returns once all that was sent has left, or the link is closed. May be cancelled. One waiter at a time."""
        if self._open and self._unsent:
            self._flushed = self._loop.create_future()
            await self._flushed

    def _tell_full(self, full: bool) -> None:
        if full is not self.full:
            self.full = full
            if self._listener is not None:
                self._listener.on_link_full(full)

    def _tell_flushed(self) -> None:
        if self._flushed is not None and not self._flushed.done():
            self._flushed.set_result(None)

    def _lose(self) -> None:
        if self._open:
            self.close()
            if self._listener is not None:
                self._loop.call_soon(self._listener.on_link_lost)
                self._listener = None  # it holds the link

    def _writable(self) -> None:
        while self._unsent:
            data = self._unsent[0]
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                logger.debug("link broke: %s", error)
                self._lose()
                return
            self._unsent_bytes -= sent
            if self._unsent_bytes <= DRAINED_BYTES:
                self._tell_full(False)
            if sent < len(data):
                self._unsent[0] = data[sent:]
                return
            self._unsent.popleft()
            self._unsent_bytes -= PIECE_BYTES
        self._loop.remove_writer(self._sock)
        self._tell_flushed()

    def _readable(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, RECEIVE_BYTES, MAX_WAITING_FDS, socket.MSG_CMSG_CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            logger.debug("link broke: %s", error)
            self._lose()
            return
        self._fds.extend(fds)
        if not data:
            self._lose()
            return
        self._messages = self._decoder.feed(data)
        if self._work_off():
            self._loop.remove_reader(self._sock)
            self._shared.round_robin.wait(self._go_on)

    def _go_on(self) -> bool:
        """A turn; whether there is more."""
        if self._open and self._work_off():
            return True
        if self._open:
            self._loop.add_reader(self._sock, self._readable)
        return False

    def _work_off(self) -> bool:
        """MESSAGES_A_TURN of what was read; whether there may be more."""
        listener = self._listener
        assert listener is not None
        taken = 0
        try:
            for message in islice(self._messages, MESSAGES_A_TURN):
                taken += 1
                self.in_hand.begin()
                self._take(message)
                listener.on_message(message, self._fds)
                if not self._open:
                    return False
            if taken == MESSAGES_A_TURN:
                return True
            if len(self._fds) > MAX_WAITING_FDS:
                raise WireError("descriptors that belong to no message")
            self._count_unfinished(self._decoder.unfinished_bytes)
        except WireError as error:
            logger.error("the module's link made no sense: %s", error)
            self._lose()
        finally:
            self.in_hand.end()
        return False

    def _count_unfinished(self, size: int) -> None:
        """Raises WireError."""
        self._shared.unfinished_bytes += size - self._unfinished_bytes
        self._unfinished_bytes = size
        if size > RECEIVE_BYTES and self._shared.unfinished_bytes > MAX_UNFINISHED_BYTES:
            raise WireError("with others it has begun more than can be kept")


def peer_is_trusted(sock: socket.socket, users: frozenset[int]) -> bool:
    """Whether the process at the other end runs as one of `users` or as root (SO_PEERCRED)."""
    _, uid, _ = CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return uid == 0 or uid in users
