"""One call of known times, beside the load: how long audio takes each way. A process of its own.

Its switch is stepped from here, so that the moment of each frame is known without a thing in the measured path.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np

from mod_openai_realtime.standin import Call, StandIn

from .audio import speech
from .child import Child
from .sink import LOUD

RATE = 8000
PTIME_MS = 20
# A little off the packet time: the frames meet every phase of the engine's clock.
STEP_NS = 20_050_000
QUIET_FRAMES = 3


@dataclass(frozen=True)
class ProbeSettings:
    socket: str
    temp_dir: str
    url: str
    start: str  # what follows the URI
    variables: dict[str, str]
    mark_every_frames: int


@dataclass
class ProbeTimes:
    """In ns of CLOCK_MONOTONIC: marks handed to the channel, and bursts of agent audio as they began to be sent."""

    marks_ns: list[int] = field(default_factory=list)
    bursts_ns: list[int] = field(default_factory=list)


class _Stepper:
    def __init__(self, call: Call, mark_every: int) -> None:
        self._call = call
        self._mark_every = mark_every
        size = call.frame_bytes.read
        self._quiet = bytes(size)
        self._loud = (np.frombuffer(speech(RATE)[:size], "<i2") * 2.5).astype("<i2").tobytes()
        self._frame = 0
        self._silent_frames = QUIET_FRAMES
        self.times = ProbeTimes()

    def step(self) -> None:
        self._frame += 1
        marked = self._frame % self._mark_every == 0
        handed_over = time.monotonic_ns()
        sent = self._call.step(self._loud if marked else self._quiet)
        now = time.monotonic_ns()
        if marked:
            self.times.marks_ns.append(handed_over)
        samples = np.frombuffer(sent or b"", "<i2")
        if np.abs(samples).max(initial=0) <= LOUD // 2:
            self._silent_frames += 1
            return
        if self._silent_frames >= QUIET_FRAMES:
            self.times.bursts_ns.append(now)
        self._silent_frames = 0


def _run(settings: ProbeSettings, owner: Connection) -> None:
    with StandIn(engine_socket=settings.socket, temp_dir=settings.temp_dir) as switch:
        call = switch.call(RATE, variables=settings.variables, sent_limit_bytes=0)
        reply = switch.api("uuid_openai_audio_stream", f"{call.uuid} start {settings.url} {settings.start}")
        if reply.strip() != "+OK Success":
            raise RuntimeError(f"the probe's stream did not start: {reply}")
        switch.wait_event("connect", timeout=20)
        owner.send(None)
        stepper = _Stepper(call, settings.mark_every_frames)
        due = time.monotonic_ns()
        while not owner.poll():
            due += STEP_NS
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
            stepper.step()
        owner.send(stepper.times)


class ProbeProcess(Child):
    """The probe's call, up from here until it is asked for its times."""

    def __init__(self, settings: ProbeSettings) -> None:
        super().__init__(_run, settings)
        self.hear()

    def end(self) -> ProbeTimes:
        """Hangs up; what was measured."""
        times: ProbeTimes = self.finish()
        return times
