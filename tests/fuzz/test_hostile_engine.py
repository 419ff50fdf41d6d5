"""The module, in the stand-in switch, and an engine that says what it likes, and writes what it likes into the memory
that it is given: each command is answered with one line, frames go on, and the call ends as any other.

An input is a byte that says how many writes there are, so many of an offset (2 bytes) and a value (8 bytes), and the
messages that answer a command; a message of request 7 gets the command's own number.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import tempfile
import unicodedata
from pathlib import Path

from fuzzing import fuzz
from hypothesis import strategies as st
from threads import in_thread

from mod_openai_realtime.standin import StandIn
from mod_openai_realtime.switch.wire import FIELD, HEADER, Decoder, MessageType, encode

API = "uuid_openai_audio_stream"
OWN_REQUEST = 7
WRITE = struct.Struct("<HQ")
READ_BYTES = 1 << 16
MARKS = "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def acts(text: str) -> bool:
    """Whether something in it does more to a terminal than to be shown; what Unicode knows nothing of does not."""
    return any(unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or character in MARKS for character in text)


def with_request(data: bytes, request: int) -> tuple[bytes, bool]:
    """The messages of the command, and whether the last one is whole: then another can follow it."""
    out, at = bytearray(data), 0
    while len(data) - at >= HEADER.size:
        body_bytes, _, _, _, number = HEADER.unpack_from(data, at)
        if number == OWN_REQUEST:
            struct.pack_into("<I", out, at + 12, request)
        at += HEADER.size + body_bytes
    return bytes(out), at == len(data)


class HostileEngine:
    """Serves all links on one thread; `close` ends it."""

    def __init__(self, path: Path) -> None:
        self.answer = b""
        self.writes: list[tuple[int, int]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._wake.settimeout(60)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._links: dict[socket.socket, Decoder] = {}
        self._served = in_thread(self._serve)

    def drop_links(self) -> None:
        """Returns once all that there were are closed."""
        self._wake.send(b"d")
        assert self._wake.recv(1) == b"d"

    def close(self) -> None:
        self._wake.send(b"e")
        self._served.result(60)
        for each in (self._wake, self._woken, self._listener, *self._links):
            each.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    link, _ = self._listener.accept()
                    self._links[link] = Decoder()
                    self._selector.register(link, selectors.EVENT_READ)
                elif key.fileobj is self._woken:
                    if self._woken.recv(1) == b"e":
                        return
                    for link in list(self._links):
                        self._end(link)
                    self._woken.send(b"d")
                elif key.fileobj in self._links:
                    self._read(key.fileobj)  # type: ignore[arg-type]

    def _end(self, link: socket.socket) -> None:
        del self._links[link]
        self._selector.unregister(link)
        link.close()

    def _read(self, link: socket.socket) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(link, READ_BYTES, 8)
        except OSError:
            data, descriptors = b"", []
        for descriptor in descriptors:
            size = os.fstat(descriptor).st_size  # which is sealed
            for offset, value in self.writes:
                os.pwrite(descriptor, value.to_bytes(8, "little"), min(offset, size - 8))
            os.close(descriptor)
        if not data:
            self._end(link)
            return
        for message in self._links[link].feed(data):
            if message.type == MessageType.COMMAND:
                self._reply(link, message.request)
                if link not in self._links:
                    return

    def _reply(self, link: socket.socket, request: int) -> None:
        answer, whole = with_request(self.answer, request)
        try:
            link.sendall(answer)
            if whole:
                link.sendall(encode(MessageType.REPLY, request=request, fields={"text": "+OK \x1b[2J"}))
        except OSError:
            whole = False
        if not whole:
            self._end(link)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.engine = HostileEngine(folder / "engine.sock")
        self.switch = StandIn(engine_socket=folder / "engine.sock", temp_dir=folder)

    def close(self) -> None:
        self.switch.close()
        self.engine.close()

    def run(self, writes: list[tuple[int, int]], answer: bytes) -> None:
        self.engine.writes, self.engine.answer = writes, answer
        call = self.switch.call()
        for _ in range(2):
            reply = self.switch.api(API, f"{call.uuid} list")
            assert not acts(reply[:-1]) and reply.endswith("\n")
            for _ in range(3):
                sent = call.step(b"\x10\x00" * 160)
                assert sent is None or len(sent) == 320
        self.engine.drop_links()
        call.step(b"\x10\x00" * 160)
        call.hangup()
        assert call.bug_count == 0
        assert not any(acts(line.text) for line in self.switch.log())
        for event in self.switch.events():
            assert event.subclass.startswith("mod_openai_audio_stream::")


def read(bench: Bench, data: bytes) -> None:
    count = data[0] % 16 if data else 0
    end = 1 + WRITE.size * count
    writes = [WRITE.unpack_from(data, at) for at in range(1, min(end, len(data)) - WRITE.size + 1, WRITE.size)]
    bench.run([(offset % (1 << 15), value) for offset, value in writes], data[end:])


NAMES = ["text", "level", "subclass", "body", "name", "capture", "playback", "record", "failure", "kind", "arguments"]
texts = st.sampled_from(
    [
        "json",
        "connect",
        "x" * 40,
        "",
        "mono",
        "stereo",
        "mixed",
        "none",
        "0",
        "1",
        "7",
        "-1",
        "99999999999",
        "default",
        "a" * 70,
        "%n%s",
        "\x1b[2J\r\n\u202e",
        "application",
        "api",
        "get",
        "set",
        "echo",
        "playback",
    ]
)
fields = st.lists(st.tuples(st.sampled_from(NAMES), texts.map(str.encode) | st.binary(max_size=12)), max_size=5)
numbers = st.sampled_from([0, 1, 1, 2, OWN_REQUEST, 2**31, 2**32 - 1])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    body = b"".join(FIELD.pack(len(name), len(value)) + name.encode() + value for name, value in draw(fields))
    kind = draw(st.sampled_from([*(int(kind) for kind in MessageType), 16, 16, 20, 18, 23, 23, 0, 999]))
    size = len(body) if draw(st.integers(0, 15)) else draw(st.sampled_from([0, 1, 2**24, 2**24 + 1, 2**32 - 1]))
    return (
        HEADER.pack(
            size,
            kind,
            0 if draw(st.integers(0, 30)) else 1,
            draw(numbers),
            draw(st.sampled_from([0, OWN_REQUEST, OWN_REQUEST])),
        )
        + body
    )


opened = st.sampled_from(["mono", "stereo", "mixed", "none"]).map(
    lambda capture: encode(
        MessageType.OPEN,
        stream=1,
        request=OWN_REQUEST,
        fields={"name": "a", "capture": capture, "playback": "1", "record": "1"},
    )
)
offsets = st.sampled_from([*range(0, 416, 8), 4096, 4104, 8192])
words = st.sampled_from(
    [0, 1, 2, 64, 8000, 8001, 2**15, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 8000 << 32, 0xFF, 0xFFFFFFFF << 32]
)
writes = st.lists(st.tuples(offsets, words), max_size=8)
inputs = st.tuples(
    writes, st.booleans().flatmap(lambda first: opened if first else st.just(b"")), st.lists(messages(), max_size=5)
).map(
    lambda each: bytes([len(each[0])]) + b"".join(WRITE.pack(*write) for write in each[0]) + each[1] + b"".join(each[2])
)


def test_hostile_engine() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            fuzz("hostile_engine", lambda data: read(bench, data), inputs)
        finally:
            bench.close()
