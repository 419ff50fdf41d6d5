"""An engine that asks, and does not reply: it has 5 s for a command, however it spends them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from threads import in_thread

from mod_openai_realtime.standin import StandIn
from mod_openai_realtime.switch.wire import Decoder, Message, MessageType, encode

API = "uuid_openai_audio_stream"
LONG_AFTER_S = 12.0  # than the module waits
Answer = Callable[[socket.socket, Message], None]


class Rogue:
    """Answers each message with what `answer` sends."""

    def __init__(self, path: Path) -> None:
        self.answer: Answer = lambda _peer, _message: None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._served = in_thread(self._serve)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            decoder = Decoder()
            with peer, contextlib.suppress(ConnectionError):  # the module hangs up in the midst of it
                while data := peer.recv(65536):
                    for message in decoder.feed(data):
                        self.answer(peer, message)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._served.result(60)
        self._listener.close()


@pytest.fixture
def rogue(tmp_path: Path) -> Iterator[Rogue]:
    rogue = Rogue(tmp_path / "engine.sock")
    yield rogue
    rogue.close()


@pytest.fixture
def switch(rogue: Rogue, tmp_path: Path, library_path: Path, module_path: Path) -> Iterator[StandIn]:
    with StandIn(module_path, engine_socket=tmp_path / "engine.sock", library_path=library_path) as switch:
        yield switch


def opening(number: int, request: int) -> bytes:
    fields = {"name": f"s{number}", "capture": "none", "playback": "1", "record": "0"}
    return encode(MessageType.OPEN, stream=number, request=request, fields=fields)


def test_asking_again_and_again_holds_no_command(switch: StandIn, rogue: Rogue) -> None:
    began = time.monotonic()
    asked = 0

    def answer(peer: socket.socket, message: Message) -> None:
        nonlocal asked
        if message.type in (MessageType.COMMAND, MessageType.CLOSED):
            asked += 1
            if time.monotonic() - began > LONG_AFTER_S:
                peer.sendall(encode(MessageType.REPLY, request=message.request, fields={"text": "+OK late"}))
            else:
                peer.sendall(encode(MessageType.CLOSE, stream=asked, request=message.request))

    rogue.answer = answer
    assert switch.api(API, f"{switch.call().uuid} list") == "-ERR Engine did not answer\n"
    assert asked > 1


def test_a_command_starts_one_stream(switch: StandIn, rogue: Rogue) -> None:
    refused: list[str] = []

    def answer(peer: socket.socket, message: Message) -> None:
        if message.type == MessageType.COMMAND:
            peer.sendall(b"".join(opening(number, message.request) for number in range(1, 21)))
        elif message.type == MessageType.OPEN_FAILED:
            refused.append(message.fields["reason"])
            if len(refused) == 19:
                peer.sendall(encode(MessageType.REPLY, request=message.request, fields={"text": "+OK"}))

    rogue.answer = answer
    call = switch.call()
    assert switch.api(API, f"{call.uuid} start ws://127.0.0.1:9/ mono") == "+OK\n"
    assert call.bug_count == 1
    assert len(refused) == 19
