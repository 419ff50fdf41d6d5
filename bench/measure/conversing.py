"""One caller of `local.py`: speaks, listens to the answer to its end, and speaks again, in real time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import orjson
import pybase64
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

RATE = 24000
FRAME_SAMPLES = RATE // 50
_NOISE = 300  # of 32767, as the peak of a noisy line: the detector has to look at every frame of it
_PAUSE_FRAMES = 60
_SILENCE = 300
_BYTES_PER_MS = 48
_HELLO = (
    '{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":{"type":"server_vad"}}}}}'
)


@dataclass
class Turn:
    spoken_at: float
    latency_ms: float | None = None
    late_ms: float = 0.0
    """The longest that a piece of the answer came after it was to be heard."""


@dataclass
class Heard:
    turns: list[Turn] = field(default_factory=list)


def utterance_messages(sound: np.ndarray) -> list[bytes]:
    """Appends of 20 ms each: what is said, up to its last sample; then two seconds of a quiet line."""
    loud = np.flatnonzero(np.abs(sound) > _SILENCE)
    said = sound[loud[0] : loud[-1] + 1]
    said = np.concatenate([np.zeros(-len(said) % FRAME_SAMPLES, np.int16), said])
    return [_append(part) for part in np.split(said, len(said) // FRAME_SAMPLES)]


def _append(samples: np.ndarray) -> bytes:
    audio = pybase64.b64encode(samples.astype("<i2").tobytes()).decode()
    return orjson.dumps({"type": "input_audio_buffer.append", "audio": audio})


_QUIET = [
    _append(np.random.default_rng(seed).integers(-_NOISE, _NOISE, FRAME_SAMPLES).astype(np.int16)) for seed in range(50)
]


class Conversing(WSListener):  # type: ignore[misc]
    """`offset_s`: how much later than others it speaks for the first time."""

    def __init__(self, said: list[bytes], offset_s: float) -> None:
        self._said = said
        self._waits = int((1.0 + offset_s) * 50)
        self._at = -self._waits
        self._frames = 0
        self._transport: WSTransport | None = None
        self._first_at = 0.0
        self._got_bytes = 0
        self._heard_until = 0.0
        self._done = True
        self.heard = Heard()

    async def connect(self, url: str) -> None:
        self._transport, _ = await ws_connect(lambda: self, url)
        self._transport.send(WSMsgType.TEXT, _HELLO.encode())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(False)

    def send_frame(self, now: float) -> None:
        assert self._transport is not None
        self._frames += 1
        speaking = 0 <= self._at < len(self._said)
        self._transport.send(WSMsgType.TEXT, self._said[self._at] if speaking else _QUIET[self._frames % len(_QUIET)])
        if self._at == len(self._said) - 1:
            self.heard.turns.append(Turn(now))
            self._first_at, self._got_bytes, self._done = 0.0, 0, False
        # After its words the caller listens; when the answer has been heard, there is a pause, and then the next turn.
        if self._at < len(self._said):
            self._at += 1
        elif self._done and now > self._heard_until:
            self._at = -_PAUSE_FRAMES

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        now = time.monotonic()
        if frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            return
        event = orjson.loads(frame.get_payload_as_bytes()) if frame.msg_type == WSMsgType.TEXT else {"type": ""}
        if event["type"] == "response.output_audio.delta" and self.heard.turns:
            turn = self.heard.turns[-1]
            if turn.latency_ms is None:
                turn.latency_ms, self._first_at = (now - turn.spoken_at) * 1000, now
            late_ms = (now - self._first_at) * 1000 - self._got_bytes / _BYTES_PER_MS
            turn.late_ms = max(turn.late_ms, late_ms if self._got_bytes else 0.0)
            self._got_bytes += len(event["delta"]) // 4 * 3
            self._heard_until = self._first_at + self._got_bytes / _BYTES_PER_MS / 1000
        elif event["type"] == "response.done":
            self._done = True
