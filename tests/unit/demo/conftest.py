"""A call as it should be, made up: noise for voices, events where they belong; tests then spoil it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from mod_openai_realtime.demo.dialogue import FINAL_MESSAGE
from mod_openai_realtime.demo.journal import Entry
from mod_openai_realtime.demo.record import CallRecord
from mod_openai_realtime.demo.script import Exchange, Scenario
from mod_openai_realtime.demo.tape import FRAME_SAMPLES, RATE
from mod_openai_realtime.local.g711 import Samples
from mod_openai_realtime.local.recording import ConnectionRecord, Message

ORIGIN_NS = 5_000_000_000
SCRIPT = Scenario(
    greeting="hello",
    said_while_muted="unheard",
    exchanges=(
        Exchange("question", "a very long answer"),
        Exchange("wait", "short answer", interrupts_after_ms=600),
    ),
)
LENGTHS_S = {"hello": 2, "unheard": 1, "question": 1, "a very long answer": 4, "wait": 1, "short answer": 2}
BARGE_IN_S = 6.3
"""The caller's last line begins at 6.0."""


def voice(line: str) -> Samples:
    """Loud from the first sample to the last; the same line always sounds the same, and like no other."""
    random = np.random.default_rng(sum(map(ord, line)))
    signs = random.choice([-1, 1], LENGTHS_S[line] * RATE)
    return (signs * random.integers(1000, 8000, LENGTHS_S[line] * RATE)).astype(np.int16)


@dataclass
class MadeUpCall:
    """Tests change `agent` and `entries`, or any field of the record through `record`."""

    agent: Samples = field(default_factory=lambda: np.zeros(11 * RATE, np.int16))
    entries: list[Entry] = field(default_factory=list)

    def event(self, at_s: float, name: str, body: Any = None) -> None:
        self.entries.append(Entry(ORIGIN_NS + round(at_s * 1e9), "event", name, body))

    def server(self, at_s: float, kind: str, **values: Any) -> None:
        self.event(at_s, "json", {"type": kind, **values})

    def command(self, at_s: float, verb: str, reply: str = "+OK Success") -> None:
        body = {"arguments": [], "reply": reply}
        self.entries.append(Entry(ORIGIN_NS + round(at_s * 1e9), "command", verb, body))

    def says(self, at_s: float, line: str) -> None:
        self.entries.append(Entry(ORIGIN_NS + round(at_s * 1e9), "caller", "says", line))

    def sounds(self, begin_s: float, line: str, until_s: float | None = None) -> None:
        begin = round(begin_s * RATE)
        sound = voice(line)[: None if until_s is None else round((until_s - begin_s) * RATE)]
        self.agent[begin : begin + len(sound)] = sound

    def record(self, **changes: Any) -> CallRecord:
        connection = ConnectionRecord(0, "/", {}, received=[Message(0.0, event=FINAL_MESSAGE)], close_code=1000)
        values: dict[str, Any] = {
            "conversation": SCRIPT,
            "entries": sorted(self.entries, key=lambda entry: entry.time_ns),
            "caller": np.zeros(len(self.agent), np.int16),
            "agent": self.agent,
            "origin_ns": ORIGIN_NS,
            "originals": {line: voice(line) for line in LENGTHS_S},
            "connections": [connection],
            "failure": None,
            "log": [],
            "bugs_left": 0,
            "files_left": [],
            "steps": len(self.agent) // FRAME_SAMPLES,
            "skipped_steps": 0,
            "late_max_ns": 0,
            "engine_exit": 0,
        }
        return CallRecord(**{**values, **changes})


@pytest.fixture
def call() -> MadeUpCall:
    call = MadeUpCall()
    transcript = "conversation.item.input_audio_transcription.completed"
    call.command(0.0, "start")
    call.event(0.01, "connect")
    call.server(0.02, "session.created")
    call.server(0.03, "session.updated")
    call.sounds(0.5, "hello")
    call.event(0.52, "openai_speech_start")
    call.says(0.7, "unheard")
    call.server(1.0, "response.done", response={"status": "completed"})
    call.event(2.52, "openai_speech_stop")
    call.command(2.53, "unmute")
    call.says(2.6, "question")
    call.server(2.9, "input_audio_buffer.speech_started")
    call.server(4.1, "input_audio_buffer.speech_stopped")
    call.server(4.1, transcript, transcript="question")
    call.sounds(4.2, "a very long answer", until_s=BARGE_IN_S + 0.015)
    call.event(4.22, "openai_speech_start")
    call.says(6.0, "wait")
    call.event(BARGE_IN_S, "openai_speech_stop")
    call.server(BARGE_IN_S + 0.001, "input_audio_buffer.speech_started")
    call.server(BARGE_IN_S + 0.002, "response.done", response={"status": "cancelled"})
    call.server(BARGE_IN_S + 0.03, "conversation.item.truncated", audio_end_ms=2110)
    call.server(7.5, "input_audio_buffer.speech_stopped")
    call.server(7.5, transcript, transcript="wait")
    call.sounds(7.6, "short answer")
    call.event(7.62, "openai_speech_start")
    call.server(8.0, "response.done", response={"status": "completed"})
    call.event(9.62, "openai_speech_stop")
    call.command(9.7, "stop")
    call.event(9.8, "disconnect", {"message": {"code": 1000, "reason": ""}})
    return call
