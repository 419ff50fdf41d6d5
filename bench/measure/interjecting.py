"""Calls on the stand-in, in real time, into each of which a sound comes while the agent answers."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pybase64

from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.local.turns import Context, Model, Turn
from mod_openai_realtime.local.vad import Frame
from mod_openai_realtime.local.voice import hibari
from mod_openai_realtime.standin import Call, StandIn

from .child import Child
from .interjections import LINE_DB, RATE, Echo, Sound

FRAME_MS = 20
FRAME = RATE * FRAME_MS // 1000
HEARD_MS = 1200  # of the agent, before the sound begins
AFTER_MS = 2500  # of the answer, after the sound's end
ECHO_MS = 5000
SETTLE_S = 20.0
_ANSWER = "On Monday we are open from seven in the morning until six in the evening. " * 8
API = "uuid_openai_audio_stream"


class Talker(Model):
    """Says what the request names: so many ms of a voice."""

    wants_words = False

    async def answer(self, context: Context) -> Turn:
        if context.asked is None:
            return Turn("Yes?")
        samples = hibari().speak_now(_ANSWER)[: 24 * int(context.asked)].astype(np.int32)
        # A little noise, so that none of it is digital silence, which is how a wait is known.
        noise = np.random.default_rng(1).integers(-80, 81, len(samples))
        return Turn(samples=(samples + noise).clip(-32768, 32767).astype(np.int16))


class EverySound:
    """A detector that takes for speech whatever is louder than -45 dB under full scale: the worst a server may have."""

    def start(self) -> Any:
        return None

    def probability(self, state: Any, frame: Frame) -> tuple[float, Any]:
        return (1.0 if np.sqrt(np.mean(frame**2)) > 10 ** (-45 / 20) else 0.0), state


def _serve(sensitive: bool, owner: Connection) -> None:
    hibari().speak_now(_ANSWER)
    with LocalEndpointThread(agent=Talker(), vad=EverySound() if sensitive else True, keep="counts") as endpoint:
        owner.send(endpoint.url)
        with contextlib.suppress(EOFError):
            owner.recv()


class Endpoint(Child):
    """The local endpoint, in a process of its own."""

    def __init__(self, *, sensitive: bool) -> None:
        super().__init__(_serve, sensitive)
        self.url: str = self.hear()


@dataclass(frozen=True)
class Outcome:
    """Of one sound. `cut`: the answer was over. `silent_ms`: from the sound's first sample until the agent was silent
    for good, or the first time; None where he never was. `waited_ms`: how long he was silent in all, where the answer
    went on."""

    kind: str
    name: str
    wanted: bool
    cut: bool
    silent_ms: int | None
    waited_ms: int


@dataclass
class _Talk:
    """One call. Frames of the caller's line, one after the other, and of what the agent is heard to say."""

    call: Call
    sound: Sound | Echo
    noise: np.random.Generator
    answer_ms: int
    asked: bool = False
    heard: list[bytes] = field(default_factory=list)
    began: int | None = None  # frame

    @property
    def begins(self) -> int | None:
        """The frame in which the sound does."""
        return None if self.began is None else self.began + HEARD_MS // FRAME_MS

    def says(self) -> bytes:
        frame = 32768 * 10 ** (LINE_DB / 20) * self.noise.normal(0, 1, FRAME)
        now = len(self.heard)
        if self.begins is not None and now >= self.begins:
            if isinstance(self.sound, Sound):
                at = (now - self.begins) * FRAME
                part = self.sound.samples[at : at + FRAME]
                frame[: len(part)] = part
            else:
                then = now - self.sound.delay_ms // FRAME_MS
                frame += 10 ** (-self.sound.loss_db / 20) * np.frombuffer(self.heard[then], "<i2")
        return np.round(frame).clip(-32768, 32767).astype("<i2").tobytes()

    def hears(self, sent: bytes | None) -> None:
        sent = sent or bytes(2 * FRAME)
        if self.began is None and any(sent):
            self.began = len(self.heard)
        self.heard.append(sent)

    def outcome(self, turn: dict[str, Any]) -> Outcome:
        assert self.begins is not None and self.began is not None
        sounding = np.array([any(frame) for frame in self.heard[: self._end(turn)]])
        last = int(np.flatnonzero(sounding)[-1])
        cut = bool(turn["interrupted"])
        pauses = [each for each in _pauses(sounding, last) if each >= self.begins]
        silent = last + 1 if cut and not pauses else pauses[0] if pauses else None
        waited_ms = 0 if cut else max(0, FRAME_MS * (last + 1 - self.began) - turn["heard_ms"])
        silent_ms = None if silent is None else FRAME_MS * (silent - self.begins)
        return Outcome(self.sound.kind, self.sound.name, self.sound.wanted, cut, silent_ms, waited_ms)

    def _end(self, turn: dict[str, Any]) -> int:
        """Of the first answer, in frames: where there was silence enough after it."""
        return int(turn["end_frame"])


def _pauses(sounding: Any, last: int) -> list[int]:
    """Where the agent falls silent for more than a frame. A voice of his own never does: its silence is not digital."""
    starts = np.flatnonzero(sounding[:-1] & ~sounding[1:]) + 1
    return [int(start) for start in starts if start < last and not sounding[start : start + 3].any()]


@dataclass(frozen=True)
class Settings:
    socket: str
    temp_dir: str
    url: str
    policy: str
    seed: int


def interject(settings: Settings, sounds: Sequence[Sound | Echo]) -> list[Outcome]:
    """All of them at once, each in a call of its own. Raises RuntimeError where a call did not come to its end."""
    variables = {
        "STREAM_BARGE_IN": settings.policy,
        "STREAM_AUDIO_FORMAT": "auto",
        "STREAM_DISABLE_AUDIOFILES": "true",
    }
    with StandIn(engine_socket=settings.socket, temp_dir=settings.temp_dir) as switch:
        talks: dict[str, _Talk] = {}
        for number, sound in enumerate(sounds):
            call = switch.call(RATE, variables=variables)
            length = sound.duration_ms if isinstance(sound, Sound) else ECHO_MS
            noise = np.random.default_rng([settings.seed, number])
            talks[call.uuid] = _Talk(call, sound, noise, HEARD_MS + length + AFTER_MS)
            reply = switch.api(API, f"{call.uuid} start {settings.url} mono 8k 8k")
            if reply.strip() != "+OK Success":
                raise RuntimeError(f"the stream did not start: {reply}")
        turns = _run(switch, talks)
        return [talk.outcome(turns[uuid]) for uuid, talk in talks.items()]


def _run(switch: StandIn, talks: dict[str, _Talk]) -> dict[str, dict[str, Any]]:
    """Until each call's answer is over: the `turn` event of each."""
    turns: dict[str, dict[str, Any]] = {}
    due = time.monotonic()
    deadline = due + SETTLE_S + max(talk.answer_ms for talk in talks.values()) / 1000
    while len(turns) < len(talks):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(talks) - len(turns)} answers have not ended")
        due += FRAME_MS / 1000
        time.sleep(max(0.0, due - time.monotonic()))
        for talk in talks.values():
            talk.hears(talk.call.step(talk.says()))
        for event in switch.events():
            talk = talks[event.uuid or ""]
            name = event.subclass.rpartition("::")[2]
            if name == "json" and not talk.asked and json.loads(event.body)["type"] == "session.updated":
                talk.asked = True
                _ask(switch, talk)
            elif name == "turn":
                turns.setdefault(event.uuid, {**json.loads(event.body), "end_frame": len(talk.heard)})
    return turns


def _ask(switch: StandIn, talk: _Talk) -> None:
    request = {"type": "response.create", "response": {"instructions": str(talk.answer_ms)}}
    encoded = pybase64.b64encode(json.dumps(request).encode()).decode()
    switch.api(API, f"{talk.call.uuid} send_json {encoded}")
