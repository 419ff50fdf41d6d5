"""The stand-in switch behind the suite's face. Its clock is stepped: samples can be counted."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from audio.g711 import Pcm16

from contract.switch import API, Event, Leg, Switch
from mod_openai_realtime.standin import Call, CallGoneError, ChannelState, Hold, LogLevel, StandIn
from mod_openai_realtime.switch.events import PREFIX

# The engine keeps 200 ms of playback ahead and the capture ring holds more than a second: between two ticks of the
# engine this much time may pass without a loss, however slow the machine.
_BATCH_MS = 160
_TICK_S = 0.015  # the engine's clock ticks every 10 ms, and its timers are rounded up


class StandInLeg(Leg):
    _switch: StandInSwitch

    def __init__(self, switch: StandInSwitch, call: Call, channel_tone: int) -> None:
        super().__init__(switch)
        self._call = call
        self.uuid = call.uuid
        self.rate = self._writer_rate = call.codec.write_rate
        self.sends = True
        """Whether the channel sends at all; False is a parked channel."""
        self._channel_tone = channel_tone
        self._channel_at = 0
        self._since_tick_ms = 0
        self._to_say: deque[Pcm16] = deque()
        self._heard: list[bytes] = []

    @property
    def call(self) -> Call:
        return self._call

    def say(self, samples: Pcm16) -> None:
        self._to_say.append(samples.astype(np.int16))

    def _pass_until_said(self) -> None:
        samples = sum(map(len, self._to_say))
        self.run(-(-samples * 1000 // self._call.codec.read_rate))

    def _settle(self) -> None:
        self._switch.collect(0)

    def run(self, ms: int) -> None:
        ptime = self._call.codec.ptime_ms
        left = -(-ms // ptime)
        while left > 0:
            self._switch.await_tick(self.uuid)
            batch = min(left, max(1, _BATCH_MS // ptime))
            for _ in range(batch):
                self.step()
            left -= batch
        self._switch.await_tick(self.uuid)
        self._since_tick_ms = 0

    def step(self) -> Pcm16 | None:
        """One frame, without waiting for anything; what the channel sent."""
        sent = self._call.step(self._next_said(), self._channel_audio())
        if sent is None:
            return None
        self._heard.append(sent)
        return np.frombuffer(sent, "<i2").astype(np.int16)

    def heard(self, since: int = 0) -> Pcm16:
        return np.frombuffer(b"".join(self._heard), "<i2").astype(np.int16)[since:]

    def hangup(self) -> None:
        self._call.hangup()

    def set_variable(self, name: str, value: str) -> None:
        self._call.set_variable(name, value)

    def change_rate(self, rate: int) -> None:
        """What writes to the channel goes on at its first rate, as on FreeSWITCH."""
        self._call.set_codec(rate, same_writer=True)
        self.rate = rate
        self._to_say.clear()
        self._heard.clear()
        self._channel_at = 0

    def hold(self, how: str = "sendonly") -> None:
        self._call.hold(Hold.BY_SWITCH if how == "uuid_hold" else Hold.BY_CALLER)

    def unhold(self) -> None:
        self._call.unhold()

    def key(self, digits: str) -> None:
        self._call.dial(digits)

    def bugs(self) -> int:
        return self._call.bug_count

    def log(self) -> list[str]:
        return [f"{level.name} {text}" for level, uuid, text in self._switch.log_lines() if uuid == self.uuid]

    def _pass_some_time(self) -> None:
        with contextlib.suppress(CallGoneError):
            self.step()
            self._since_tick_ms += self._call.codec.ptime_ms
            if self._since_tick_ms >= _BATCH_MS:
                self._since_tick_ms = 0
                self._switch.await_tick(self.uuid)
        self._switch.collect(0.001)

    def _next_said(self) -> bytes:
        wanted = self._call.frame_bytes.read // 2
        taken: list[Pcm16] = []
        while wanted and self._to_say:
            samples = self._to_say.popleft()
            if len(samples) > wanted:
                self._to_say.appendleft(samples[wanted:])
                samples = samples[:wanted]
            taken.append(samples)
            wanted -= len(samples)
        taken.append(np.zeros(wanted, dtype=np.int16))
        return np.concatenate(taken).astype("<i2").tobytes()

    def _channel_audio(self) -> bytes | None:
        if not self.sends:
            return None
        count = self._call.frame_bytes.write // 2
        at = np.arange(self._channel_at, self._channel_at + count)
        self._channel_at += count
        level = 8000 if self._channel_tone else 0
        samples = np.round(level * np.sin(2 * np.pi * self._channel_tone * at / self._writer_rate))
        return samples.astype("<i2").tobytes()


class StandInSwitch(Switch):
    name = "stand-in"
    stepped = True

    def __init__(self, engine_socket: Path, temp_dir: Path) -> None:
        super().__init__()
        self._temp_dir = temp_dir
        self._standin = StandIn(engine_socket=engine_socket, temp_dir=temp_dir)
        self._log: list[tuple[LogLevel, str | None, str]] = []
        self._calls: list[Call] = []

    @property
    def inner(self) -> StandIn:
        return self._standin

    def close(self) -> None:
        self._standin.close()

    def call(
        self,
        rate: int = 8000,
        *,
        variables: Mapping[str, str] | None = None,
        state: str = "answered",
        channel_tone: int = 0,
        changes_to: int = 0,
        write_rate: int | None = None,
        ptime_ms: int = 20,
    ) -> StandInLeg:
        reachable = state != "no-media"
        call = self._standin.call(
            rate,
            write_rate,
            ptime_ms,
            variables=variables,
            state=state if reachable else "ringing",
            media=reachable,
        )
        self._calls.append(call)
        return StandInLeg(self, call, channel_tone)

    def api(self, name: str, arguments: str = "") -> str:
        return self._standin.api(name, arguments).strip("\r\n")

    def await_tick(self, uuid: str) -> None:
        """Returns when the engine's media clock has ticked over this channel since the call.

        A reply shows that its event loop went round; two of them, a tick apart, that the timer has had its turn.
        """
        if self._standin_call_is_up(uuid):
            time.sleep(_TICK_S)
            for _ in range(2):
                self._standin.api(API, f"{uuid} list")

    def _standin_call_is_up(self, uuid: str) -> bool:
        return any(call.uuid == uuid and call.state is not ChannelState.HANGUP for call in self._calls)

    def load(self) -> None:
        self._standin.load()

    def unload(self) -> None:
        self._standin.unload()

    def completions(self, line: str) -> list[str]:
        return self._standin.complete(line)

    def assert_alive(self) -> None:
        assert self._standin.api(API).startswith("USAGE")

    def temp_files(self) -> list[str]:
        return sorted(str(path) for path in self._temp_dir.iterdir())

    def pid(self) -> int:
        return os.getpid()

    def end_calls(self) -> None:
        for call in self._calls:
            call.hangup()
        self._calls.clear()

    def collect(self, wait_s: float) -> None:
        try:
            first = [self._standin.wait_event(None, timeout=wait_s)] if wait_s else []
        except TimeoutError:
            return
        for event in itertools.chain(first, self._standin.events()):
            self._events.append(Event(event.subclass.removeprefix(PREFIX), event.headers, event.body))

    def whole_log(self) -> str:
        return "\n".join(f"{uuid or ''} {text}" for _, uuid, text in self.log_lines())

    def log_lines(self) -> list[tuple[LogLevel, str | None, str]]:
        self._log += [(line.level, line.uuid, line.text) for line in self._standin.log()]
        return self._log
