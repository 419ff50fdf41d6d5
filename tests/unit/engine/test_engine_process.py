"""The engine as a process: metrics, capacity, and workers that end with their supervisor."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mod_openai_realtime.freeswitch.ports import own_ports
from mod_openai_realtime.switch.wire import Decoder, MessageType, encode


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path, int]]:
    path, port = tmp_path / "engine.sock", own_ports().free()
    options = ["--socket", str(path), "--workers", "2", "--max-streams", "1", "--metrics-port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mod_openai_realtime.cli", "engine", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "2 worker(s)" in process.stdout.readline()
    yield process, path, port
    process.terminate()
    process.wait(20)
    process.stdout.close()


def start_stream(sock: socket.socket, uuid: str) -> str:
    """Ask for a stream; the reply's text, or `opened` where the engine asked for the media bug."""
    sock.sendall(encode(MessageType.HELLO, fields={"protocol": "1", "uuid": uuid, "pid": "1"}))
    command = {"api": "openai", "arguments": "start ws://127.0.0.1:9/ mono", "channel": "1", "state": "answered"}
    sock.sendall(encode(MessageType.COMMAND, request=1, fields=command))
    decoder = Decoder()
    while True:
        for message in decoder.feed(sock.recv(65536)):
            if message.type == MessageType.OPEN:
                return "opened"
            if message.type == MessageType.REPLY:
                return message.fields["text"]


def test_a_stream_past_the_limit_is_refused_whichever_worker_it_meets(
    engine: tuple[subprocess.Popen[str], Path, int],
) -> None:
    _, path, _ = engine
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        first.connect(str(path))
        assert start_stream(first, "a") == "opened"
        second.connect(str(path))
        assert start_stream(second, "b") == "-ERR Engine is at capacity"


def test_metrics_are_served_on_the_loopback(engine: tuple[subprocess.Popen[str], Path, int]) -> None:
    _, _, port = engine
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert b"openai_realtime_workers" in answer.read()


def test_workers_end_with_a_supervisor_that_was_killed(engine: tuple[subprocess.Popen[str], Path, int]) -> None:
    process, path, _ = engine
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(encode(MessageType.HELLO, fields={"protocol": "1", "uuid": "a", "pid": "1"}))
        sock.settimeout(30)
        os.kill(process.pid, signal.SIGKILL)
        with contextlib.suppress(ConnectionResetError):  # where no worker had accepted it yet
            while sock.recv(4096):  # what the engine offers; then the link ends, as the worker does
                pass
