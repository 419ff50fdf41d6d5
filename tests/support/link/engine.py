"""An engine of a test's own: opens a stream for each `start`, and has FreeSWITCH do what the test asks."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mod_openai_realtime.switch.interface import FIELDS
from mod_openai_realtime.switch.wire import Decoder, Message, MessageType, encode

LIMIT_S = 60.0
T = TypeVar("T")


class AskingEngine:
    """Serves each link on a thread of its own. Methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self.running = True
        self.socket = path
        self.interface = dict(FIELDS)
        """What it tells whoever says HELLO."""
        self.greeted: list[dict[str, str]] = []
        """The fields of each HELLO."""
        self._news = threading.Condition()  # guards all below
        self._links: dict[str, socket.socket] = {}
        self._done: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
        self._digits: dict[str, list[dict[str, str]]] = defaultdict(list)
        self._number = 0
        self._streams = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def start(self) -> None:
        """It runs already."""

    def close(self) -> None:
        if not self.running:
            return
        self.running = False
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_links()

    def drop_links(self) -> None:
        """As an engine that dies."""
        with self._news:
            links, self._links = self._links, {}
            for link in links.values():
                link.shutdown(socket.SHUT_RDWR)

    def send(self, uuid: str, data: bytes) -> None:
        """These bytes, whatever they are."""
        with self._news:
            link = self._links[uuid]
        link.sendall(data)

    def ask(self, uuid: str, kind: str, name: str, arguments: str | bytes | None = None) -> int:
        """Sends an EXECUTE; returns its number."""
        with self._news:
            self._number += 1
            number = self._number
        fields: dict[str, str | bytes] = {"kind": kind, "name": name}
        if arguments is not None:
            fields["arguments"] = arguments
        self.send(uuid, encode(MessageType.EXECUTE, request=number, fields=fields))
        return number

    def answered(self, uuid: str, number: int) -> bool:
        with self._news:
            return number in self._done[uuid]

    def answer(self, uuid: str, number: int) -> tuple[bool, str | None]:
        """What the DONE of this number says, once it has come: whether it succeeded, and the text."""
        fields = self._await(lambda: self._done[uuid].get(number), f"no DONE for {number}")
        return fields["ok"] == "1", fields.get("text")

    def execute(self, uuid: str, kind: str, name: str, arguments: str | bytes | None = None) -> tuple[bool, str | None]:
        """`ask` and `answer`."""
        return self.answer(uuid, self.ask(uuid, kind, name, arguments))

    def digits(self, uuid: str, count: int) -> list[dict[str, str]]:
        """The fields of the first `count` DTMF messages, once they have come."""
        return self._await(lambda: self._digits[uuid] if len(self._digits[uuid]) >= count else None, "no such digits")

    def digit_count(self, uuid: str) -> int:
        with self._news:
            return len(self._digits[uuid])

    def linked(self, uuid: str) -> bool:
        with self._news:
            return uuid in self._links

    def _await(self, look: Callable[[], T | None], failure: str) -> T:
        deadline = time.monotonic() + LIMIT_S
        with self._news:
            while (found := look()) is None:
                assert self._news.wait(deadline - time.monotonic()), failure
            return found

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):  # also what is sent to a link that is being dropped
            self._read(link)
        with self._news:
            self._links = {uuid: other for uuid, other in self._links.items() if other is not link}
            self._news.notify_all()

    def _read(self, link: socket.socket) -> None:
        decoder, uuid = Decoder(), ""
        while True:
            data, fds, _, _ = socket.recv_fds(link, 65536, 8)
            for fd in fds:
                os.close(fd)
            if not data:
                return
            for message in decoder.feed(data):
                if message.type == MessageType.HELLO:
                    uuid = message.fields["uuid"]
                    self.greeted.append(message.fields)
                    link.sendall(encode(MessageType.INTERFACE, fields=self.interface))
                self._take(link, uuid, message)

    def _take(self, link: socket.socket, uuid: str, message: Message) -> None:
        with self._news:
            if message.type == MessageType.HELLO:
                self._links[uuid] = link
            elif message.type == MessageType.DONE:
                self._done[uuid][message.request] = message.fields
            elif message.type == MessageType.DTMF:
                self._digits[uuid].append(message.fields)
            self._news.notify_all()
        if message.type == MessageType.COMMAND:
            self._command(link, message)
        elif message.type == MessageType.OPENED:
            self._reply(link, message.request, "+OK Success")
        elif message.type == MessageType.OPEN_FAILED:
            self._reply(link, message.request, f"-ERR {message.fields['reason']}")
        elif message.type == MessageType.CLOSED:
            if message.request:
                self._reply(link, message.request, "+OK Success")
            link.sendall(encode(MessageType.IDLE))

    def _command(self, link: socket.socket, message: Message) -> None:
        verb = message.fields["arguments"].split(" ")[0]
        if message.fields["channel"] != "1":
            self._reply(link, message.request, "-ERR Channel not found")
        elif verb == "start":
            with self._news:
                self._streams += 1
                number = self._streams
            fields = {"name": "default", "capture": "mono", "playback": "1", "record": "0"}
            link.sendall(encode(MessageType.OPEN, stream=number, request=message.request, fields=fields))
        elif verb == "stop":
            link.sendall(encode(MessageType.CLOSE, stream=self._streams, request=message.request))
        else:
            self._reply(link, message.request, "+OK []")

    def _reply(self, link: socket.socket, request: int, text: str) -> None:
        if request:
            link.sendall(encode(MessageType.REPLY, request=request, fields={"text": text}))
