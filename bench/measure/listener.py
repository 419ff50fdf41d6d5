"""A call on the stand-in in real time, in a process of its own, that notes when each frame left the channel.

Its steps are made from here, so that each frame's time has a bound on both sides.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from mod_openai_realtime.standin import StandIn

from .audio import speech
from .child import Child
from .silence import FRAME_MS, Frame

RATE = 8000


@dataclass(frozen=True)
class ListenerSettings:
    socket: str
    temp_dir: str
    url: str
    start: str  # what follows the URI
    variables: dict[str, str]


@dataclass(frozen=True)
class Heard:
    """`stops_ns`: each openai_speech_stop as it was fired, in ns of CLOCK_MONOTONIC."""

    frames: list[Frame]
    stops_ns: list[int]


def _run(settings: ListenerSettings, owner: Connection) -> None:
    with StandIn(engine_socket=settings.socket, temp_dir=settings.temp_dir) as switch:
        call = switch.call(RATE, variables=settings.variables, sent_limit_bytes=0)
        reply = switch.api("uuid_openai_audio_stream", f"{call.uuid} start {settings.url} {settings.start}")
        if reply.strip() != "+OK Success":
            raise RuntimeError(f"the stream did not start: {reply}")
        switch.wait_event("connect", timeout=20)
        owner.send(None)
        size = call.frame_bytes.read
        said = speech(RATE)
        frames: list[Frame] = []
        due = time.monotonic_ns()
        while not owner.poll():
            due += FRAME_MS * 1_000_000
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
            at = len(frames) * size % (len(said) - size)
            before = time.monotonic_ns()
            sent = call.step(said[at : at + size])
            after = time.monotonic_ns()
            frames.append(Frame.of(np.frombuffer(sent or b"", "<i2").astype(np.int16), before, after))
        stops = [event.time_ns for event in switch.events() if event.subclass.endswith("::openai_speech_stop")]
        owner.send(Heard(frames, stops))


class ListenerProcess(Child):
    """The call is up, and its stream connected, from here until it is asked for what it heard."""

    def __init__(self, settings: ListenerSettings) -> None:
        super().__init__(_run, settings)
        self.hear()

    def end(self) -> Heard:
        """Hangs up; what was heard."""
        heard: Heard = self.finish()
        return heard
