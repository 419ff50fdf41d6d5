"""The tape puts both sides on one line of time."""

import wave
from pathlib import Path

import numpy as np

from mod_openai_realtime.demo.tape import FRAME_SAMPLES, Tape, write_wave


class FakeCall:
    """Its clock steps when it is waited for, and in the middle of the first `interruptions` feeds."""

    def __init__(self, interruptions: int = 0) -> None:
        self.steps = 0
        self.fed: list[bytes] = []
        self._interruptions = interruptions

    def wait_steps(self, more: int, timeout: float = 10.0) -> None:
        self.steps += more

    def feed(self, pcm: bytes) -> None:
        self.fed.append(pcm)
        if len(self.fed) <= self._interruptions:
            self.steps += 1

    def sent(self) -> bytes:
        return np.full(FRAME_SAMPLES, self.steps, "<i2").tobytes()


LINE = np.arange(1, 1001, dtype=np.int16)


def test_a_line_is_placed_at_the_frame_that_carries_its_beginning() -> None:
    call = FakeCall()
    tape = Tape(call)  # type: ignore[arg-type]
    begin = tape.say(LINE)
    assert begin == FRAME_SAMPLES
    track = tape.caller(2000)
    assert np.array_equal(track[begin : begin + 1000], LINE)
    assert not track[:begin].any() and not track[begin + 1000 :].any()


def test_a_line_that_a_step_ran_into_is_fed_again() -> None:
    call = FakeCall(interruptions=2)
    begin = Tape(call).say(LINE)  # type: ignore[arg-type]
    assert len(call.fed) == 3
    assert begin == call.steps * FRAME_SAMPLES


def test_a_line_beyond_the_end_of_the_call_is_cut() -> None:
    tape = Tape(FakeCall())  # type: ignore[arg-type]
    begin = tape.say(LINE)
    assert np.array_equal(tape.caller(begin + 10)[begin:], LINE[:10])


def test_what_was_sent_is_joined() -> None:
    call = FakeCall()
    tape = Tape(call)  # type: ignore[arg-type]
    tape.take()
    call.steps = 7
    tape.take()
    assert tape.agent().tolist() == [0] * FRAME_SAMPLES + [7] * FRAME_SAMPLES


def test_the_file_has_the_caller_left_and_the_agent_right(tmp_path: Path) -> None:
    write_wave(tmp_path / "call.wav", LINE, -LINE, 8000)
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        frames = np.frombuffer(file.readframes(2000), "<i2").reshape(-1, 2)
    assert np.array_equal(frames[:, 0], LINE)
    assert np.array_equal(frames[:, 1], -LINE)
