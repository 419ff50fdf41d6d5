"""The far end that interrupts: a tone begins, is broken off at a random moment, and what was late comes still."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.local.thread import LocalEndpointThread

from . import audio

RATE = 24000
ANSWER_MS = 4000
DELTA_MS = 200
HEARD_S = 0.35  # the agent is heard for at least so long
QUIET_S = 0.25  # and what comes after the interruption is listened to for so long
LATE_DELTAS = 3
_TONE_HZ = 400  # loud in every 5 ms


@dataclass
class Sends:
    """In ns of CLOCK_MONOTONIC: each `speech_started` as it was handed to the server's socket, and the moment until
    which silence was due."""

    started_ns: list[int] = field(default_factory=list)
    ended_ns: list[int] = field(default_factory=list)


class Interrupter:
    """One connection; a context manager."""

    def __init__(self, seed: int = 0) -> None:
        self._endpoint = LocalEndpointThread(behaviour=Behaviour(raw=True), vad=False, keep="counts")
        self._random = random.Random(seed)
        tone = 8000 * np.sin(2 * np.pi * _TONE_HZ * np.arange(RATE * DELTA_MS // 1000) / RATE)
        self._pcm = tone.astype("<i2").tobytes()

    def __enter__(self) -> Self:
        self._endpoint.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._endpoint.stop()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._endpoint.port}/stream"

    def interrupt(self, times: int) -> Sends:
        """Takes about 0.65 s each. The connection has to be up."""
        sends = Sends()
        for number in range(times):
            response = f"resp_{number}"
            self._say(*[audio.delta(self._pcm, response)] * (ANSWER_MS // DELTA_MS))
            # Any phase of the frame, of the engine's tick, and of the two against each other.
            time.sleep(HEARD_S + self._random.uniform(0, 0.1))
            late = [audio.delta(self._pcm, response)] * LATE_DELTAS
            sends.started_ns.append(self._say(b'{"type":"input_audio_buffer.speech_started"}', *late))
            time.sleep(QUIET_S)
            sends.ended_ns.append(time.monotonic_ns())
        return sends

    def _say(self, *messages: bytes) -> int:
        """When the first of them was handed over."""

        def put(endpoint: LocalEndpoint) -> int:
            live = endpoint.live(0)
            now = time.monotonic_ns()
            for message in messages:
                live.send_raw(message.decode())
            return now

        return self._endpoint.call(put)
