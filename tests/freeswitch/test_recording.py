"""The recording, against what FreeSWITCH's own recorder hears in the same call."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from audio.alignment import align
from audio.g711 import Pcm16
from audio.tones import noise
from contract.far_end import FarEnd
from engine_process import EngineProcess
from freeswitch import RealSwitch, StreamCommands
from sip import L16_16K, PCMU, Call, MediaFormat

pytestmark = pytest.mark.usefixtures("engine")
MakeCall = Callable[..., Call]
Streams = Callable[[Call], StreamCommands]

FRAME_MS = 20.0


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


def read(path: Path) -> tuple[int, Pcm16, Pcm16]:
    """Rate, caller, agent."""
    with wave.open(str(path)) as wav:
        assert wav.getnchannels() == 2
        stereo = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
        return wav.getframerate(), stereo[::2], stereo[1::2]


def complete(path: Path, switch: RealSwitch, call: Call) -> tuple[int, Pcm16, Pcm16]:
    """The engine closes the file after the stream; the log says when."""
    line = f"recorded {path} ("
    deadline = time.monotonic() + 20
    while line not in switch.log_tail(400):
        assert time.monotonic() < deadline, switch.log_tail()
        switch.api("msleep 50")
    return read(path)


@pytest.mark.parametrize("media_format", [PCMU, L16_16K], ids=lambda each: f"{each.name}-{each.rate}")
def test_it_agrees_with_the_switchs_own_recording_to_within_a_frame(
    switch: RealSwitch,
    streams: Streams,
    make_call: MakeCall,
    far: FarEnd,
    tmp_path: Path,
    media_format: MediaFormat,
    record_property: Callable[[str, object], None],
) -> None:
    rate = media_format.rate
    ours, theirs = switch.recordings / f"{tmp_path.name}.wav", tmp_path / "theirs.wav"
    call = make_call("park", media_format)
    switch.api(f"uuid_setvar {call.uuid} STREAM_RECORD {ours}")
    switch.api(f"uuid_setvar {call.uuid} RECORD_STEREO true")
    stream = streams(call)
    stream.start(far.url, f"mono {rate} {rate}")
    # After the stream: FreeSWITCH asks media bugs in the order in which they were added, and its recorder shall hear
    # what ours has put in.
    assert switch.api(f"uuid_record {call.uuid} start {theirs}").startswith("+OK")
    call.party.wait_packets(25)
    first, answer, second = (noise(1000, rate, 6000, seed) for seed in (1, 2, 3))
    call.party.say(first)
    far.speak(answer, rate=rate)
    far.finish()
    call.party.wait_said()
    stream.wait_for("openai_speech_stop")
    call.party.wait_packets(50)
    call.party.say(second)
    far.speak(answer, "r2", rate=rate)
    far.finish("r2")
    stream.wait_for("openai_speech_stop")
    call.party.wait_said()
    call.party.wait_packets(50)
    assert switch.api(f"uuid_record {call.uuid} stop {theirs}").startswith("+OK")
    stream.ok("stop")
    own_rate, caller, agent = complete(ours, switch, call)
    their_rate, their_caller, their_agent = read(theirs)
    assert own_rate == their_rate == rate

    places = []
    for left, right in ((caller, agent), (their_caller, their_agent)):
        found = [align(first, left), align(second, left)]
        early = align(answer, right)
        rest = right.copy()
        rest[early.offset : early.offset + len(answer)] = 0
        found += sorted([early, align(answer, rest)], key=lambda each: each.offset)
        assert min(each.similarity for each in found) > 0.9, found
        places.append(np.array([each.offset for each in found]) * 1000 / rate)
    # The two began at different times; what counts is where each sound lies to the others.
    errors = (places[0] - places[0][0]) - (places[1] - places[1][0])
    record_property("alignment_errors_ms", errors.tolist())
    print("alignment errors in ms:", errors.tolist())
    assert np.abs(errors).max() <= FRAME_MS


def test_a_killed_engine_leaves_a_whole_file_and_the_next_goes_on_in_it(
    switch: RealSwitch,
    streams: Streams,
    make_call: MakeCall,
    far: FarEnd,
    tmp_path: Path,
    engine: EngineProcess,
) -> None:
    path = switch.recordings / f"{tmp_path.name}.wav"
    call = make_call("park")
    switch.api(f"uuid_setvar {call.uuid} STREAM_RECORD {path}")
    stream = streams(call)
    stream.start(far.url, "mono 8000 8000")
    call.party.wait_packets(10)
    first, second = noise(2000, 8000, 6000), noise(1000, 8000, 6000, seed=2)
    call.party.say(first)
    call.party.wait_said()
    engine.kill()
    _, before, _ = read(path)
    found = align(first[:4000], before)
    assert found.similarity > 0.95
    # Of two seconds of speech at most one is missing.
    assert len(before) - found.offset >= 8000
    stream.wait_for("disconnect")
    engine.start()
    stream.wait_for("connect")
    call.party.wait_packets(10)
    call.party.say(second)
    call.party.wait_said()
    call.party.wait_packets(10)
    stream.ok("stop")
    _, whole, _ = complete(path, switch, call)
    assert np.array_equal(whole[: len(before)], before)
    assert align(second, whole).similarity > 0.95
    assert list(switch.recordings.glob(f"{tmp_path.name}*.wav")) == [path]
