"""Nothing that an engine says acts on the terminal that shows FreeSWITCH's log, or a command's reply."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from threads import beside

from mod_openai_realtime.standin import StandIn
from mod_openai_realtime.switch.wire import Decoder, MessageType, encode

HOSTILE = b"\x1b[2J\x1b]0;owned\x07 \r\n[ERR] forged \x7f\xc2\x9b31m \x9b \xe2\x80\xae \xe2\x80\xa8 \xff "
API = "uuid_openai_audio_stream"


def serve(listener: socket.socket, reply: bytes) -> None:
    """An engine that logs, and replies, what it likes to each command."""
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        decoder = Decoder()
        with peer:
            while data := peer.recv(65536):
                for message in decoder.feed(data):
                    if message.type == MessageType.COMMAND:
                        for text in (HOSTILE, HOSTILE * 1000, "ü".encode() * 4000):
                            peer.sendall(encode(MessageType.LOG, fields={"level": "4", "text": text}))
                        peer.sendall(encode(MessageType.REPLY, request=message.request, fields={"text": reply}))


@pytest.fixture
def hostile(tmp_path: Path, library_path: Path, module_path: Path) -> Iterator[StandIn]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "engine.sock"))
        listener.listen()
        with (
            beside(lambda: serve(listener, b"-ERR " + HOSTILE), end=lambda: listener.shutdown(socket.SHUT_RDWR)),
            StandIn(
                module_path, engine_socket=tmp_path / "engine.sock", temp_dir=tmp_path, library_path=library_path
            ) as switch,
        ):
            yield switch


def test_lines_of_the_engine_and_its_replies_are_printable(hostile: StandIn) -> None:
    reply = hostile.api(API, f"{hostile.call().uuid} list")
    assert reply.endswith("\n") and reply[:-1].isprintable() and "forged" in reply
    lines = hostile.log()
    while sum(line.text.startswith(("openai_audio_stream", " [2J", "ü")) for line in lines) < 4:
        lines += hostile.log()
    texts = [line.text for line in lines]
    assert [text for text in texts if not text.isprintable()] == []
    assert any("list failed" in text and "forged" in text for text in texts)


def test_what_stands_in_a_uuids_place_is_made_printable_too(hostile: StandIn) -> None:
    hostile.api(API, "\x1b[2J\r\n list")
    assert all(f"{line.uuid or ''}{line.text}".isprintable() for line in hostile.log())
