"""Calls in the stand-in switch under its real clock: for what happens by itself, between two frames."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from audio.g711 import Pcm16

from mod_openai_realtime.standin import Call, StandIn

API = "uuid_openai_audio_stream"


class ClockedCall:
    """A call, and all that its channel has sent so far."""

    def __init__(self, switch: StandIn, call: Call) -> None:
        self.switch = switch
        self.call = call
        self._sent = b""

    def command(self, arguments: str) -> str:
        """Run a command on this call; its reply without the line end."""
        return self.switch.api(API, f"{self.call.uuid} {arguments}").strip()

    def start(self, arguments: str) -> None:
        """Start a stream, and wait until it is connected."""
        reply = self.command(f"start {arguments}")
        assert reply == "+OK Success", reply
        self.wait_for("connect")

    def wait_for(self, subclass: str) -> None:
        self.switch.wait_event(subclass, self.call.uuid, timeout=60)

    def sent(self) -> Pcm16:
        self._sent += self.call.sent()
        return np.frombuffer(self._sent, "<i2").astype(np.int16)

    def place(self, part: Pcm16) -> int:
        """The sample where this part was sent, whole; -1 if it was not."""
        at = self.sent().tobytes().find(part.tobytes())
        return at // 2 if at >= 0 else -1

    def until(self, condition: Callable[[], object], timeout_s: float = 60.0) -> None:
        """Let frames pass until the condition holds. Raises AssertionError."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"not so within {timeout_s} s"
            self.call.wait_steps(1)
