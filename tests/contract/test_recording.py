"""STREAM_RECORD: the file against what the caller said and the channel sent, under the stand-in's real clock."""

from __future__ import annotations

import stat
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.tones import noise
from contract import FarEnd
from contract.clocked import ClockedCall
from engine_process import EngineProcess

from mod_openai_realtime.standin import StandIn


@pytest.fixture
def switch(engine: EngineProcess, tmp_path: Path) -> Iterator[StandIn]:
    if not engine.running:
        engine.start()
    with StandIn(engine_socket=engine.socket, temp_dir=tmp_path, recordings_dir=tmp_path) as standin:
        standin.run()
        yield standin


def make_call(switch: StandIn, rate: int = 8000, **variables: str) -> ClockedCall:
    return ClockedCall(switch, switch.call(rate, variables={"STREAM_RECORD": "true", **variables}))


def recorded(switch: StandIn, leg: ClockedCall) -> Path:
    """The path in the log, once the file is complete; `leg` lets time pass."""
    paths: list[Path] = []

    def told() -> bool:
        texts = [line.text for line in switch.log() if "recorded " in line.text]
        paths.extend(Path(text.split("recorded ")[1].rsplit(" (", 1)[0]) for text in texts)
        return bool(paths)

    leg.until(told)
    return paths[0]


def read(path: Path) -> tuple[int, Pcm16, Pcm16]:
    with wave.open(str(path)) as wav:
        assert wav.getnchannels() == 2
        stereo = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
        return wav.getframerate(), stereo[::2], stereo[1::2]


def sound(side: Pcm16) -> bytes:
    """All but silence: where the machine stands still, the channel falters, and silence is what was there."""
    return bytes(side[side != 0].astype("<i2").tobytes())


@pytest.mark.parametrize("arguments", ["mono 8k 8k", "mixed 8k 8k", "stereo 8k 8k", "recv 8k"])
def test_both_sides_are_in_the_file_bit_for_bit(switch: StandIn, far: FarEnd, tmp_path: Path, arguments: str) -> None:
    leg = make_call(switch)
    leg.start(f"{far.url} {arguments}")
    said, answer = noise(1000, 8000), noise(1000, 8000, seed=2)
    leg.call.feed(said.astype("<i2").tobytes())
    far.speak(answer)
    far.finish()
    leg.wait_for("openai_speech_stop")
    leg.until(lambda: leg.place(answer) >= 0)
    leg.call.wait_steps(60)
    assert leg.command("stop") == "+OK Success"
    path = recorded(switch, leg)
    assert path == tmp_path / f"{leg.call.uuid}.wav"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rate, caller, agent = read(path)
    assert rate == 8000
    assert sound(caller) == sound(said)
    assert sound(agent) == sound(answer)


def test_a_barge_in_ends_the_agent_in_the_file_where_the_channel_ended_him(switch: StandIn, far: FarEnd) -> None:
    leg = make_call(switch)
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(noise(10_000, 8000))
    leg.wait_for("openai_speech_start")
    leg.call.wait_steps(30)
    far.say("input_audio_buffer.speech_started")
    leg.wait_for("openai_speech_stop")
    leg.call.wait_steps(30)
    leg.call.hangup()
    agent = read(recorded(switch, ClockedCall(switch, switch.call())))[2]
    assert len(sound(agent)) > 8000
    assert sound(agent) == sound(leg.sent())


def test_it_goes_on_in_the_same_file_after_a_crash_of_the_engine(
    switch: StandIn, far: FarEnd, engine: EngineProcess, tmp_path: Path
) -> None:
    leg = make_call(switch)
    leg.start(f"{far.url} mono 8k 8k")
    said = noise(2000, 8000)
    leg.call.feed(said.astype("<i2").tobytes())
    leg.call.wait_steps(110)
    engine.kill()
    (path,) = tmp_path.glob("*.wav")
    before = read(path)[1]
    assert sound(before) and sound(said).startswith(sound(before))
    engine.start()
    leg.wait_for("connect")
    last = noise(500, 8000, seed=3)
    leg.call.feed(last.astype("<i2").tobytes())
    leg.call.wait_steps(40)
    assert leg.command("stop") == "+OK Success"
    assert recorded(switch, leg) == path
    _, caller, _ = read(path)
    assert np.array_equal(caller[: len(before)], before)
    assert sound(caller).endswith(sound(last))
