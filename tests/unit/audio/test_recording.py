"""A recorded stream, from its commands to its file: a switch stepped by hand, a scripted server."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import threading
import wave
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from audio.g711 import Pcm16
from audio.tones import noise, tone
from link.channel_of_test import channel_of_test
from link.switch import LinkSwitch

from mod_openai_realtime._media import Packetizer, StreamMemory, SwitchSide
from mod_openai_realtime.audio.recording import MAX_WAITING, Recording
from mod_openai_realtime.audio.recording_file import RecordingFile
from mod_openai_realtime.audio.recording_place import Spot
from mod_openai_realtime.engine.figures import Figures
from mod_openai_realtime.engine.worker import Streams
from mod_openai_realtime.in_hand import InHand
from mod_openai_realtime.realtime.endpoint import EndpointListener, EndpointSettings
from mod_openai_realtime.switch.command import Mix

SECOND_NS = 1_000_000_000
INFO, WARNING = 6, 4


class Wire:
    """The WebSocket, as far as a stream sees it: in memory, connected when a test says so."""

    buffered_bytes = 0
    server, peer = 0, "h:80"

    def __init__(self, listener: EndpointListener) -> None:
        self.listener = listener
        self.connected = False
        self.audio: list[bytes] = []

    def start(self) -> None:
        pass

    def connect(self) -> None:
        self.connected = True
        self.listener.on_connected()

    def stop(self, code: int = 1000, reason: str = "") -> None:
        self.connected = False
        loop = asyncio.get_running_loop()
        loop.call_soon(self.listener.on_disconnected, code, reason)
        loop.call_soon(self.listener.on_ended)

    def send_text(self, payload: bytes) -> bool:
        message = orjson.loads(payload)
        if message["type"] == "input_audio_buffer.append":
            self.audio.append(base64.b64decode(message["audio"]))
        return self.connected

    def send_buffer(self, opcode: int, buffer: bytearray, offset: int) -> None:
        self.send_text(bytes(buffer[offset:]))

    def send_binary(self, payload: bytes) -> bool:
        return self.connected

    def say(self, **message: Any) -> None:
        self.listener.on_text(orjson.dumps(message))

    def speak(self, samples: Pcm16) -> None:
        delta = base64.b64encode(samples.tobytes()).decode()
        self.say(type="response.output_audio.delta", response_id="r1", item_id="i1", delta=delta)


class Desk:
    def __init__(self, switch: LinkSwitch, streams: Streams, wires: list[Wire], folder: Path) -> None:
        self.switch, self.streams, self.wires, self.folder = switch, streams, wires, folder

    @property
    def wire(self) -> Wire:
        return self.wires[-1]

    async def start(self, arguments: str = "mono 8k 8k", *, connect: bool = True, **variables: str) -> None:
        self.switch.variables = {"STREAM_RECORD": "true", **variables}
        assert await self.switch.api(f"start ws://host/ {arguments}") == "+OK Success"
        if connect:
            self.wire.connect()

    def frame(self, samples: Pcm16 | None = None) -> Pcm16:
        """One frame of 20 ms; what the caller heard of the agent, silence where that is nothing."""
        size = self.switch.write_rate // 50
        played = self.switch.frame(None if samples is None else samples.tobytes())
        for stream in self.streams.poller.ready():
            stream.tick()
        return np.frombuffer(played if played is not None else bytes(2 * size), np.int16)

    def run(self, samples: Pcm16) -> Pcm16:
        """The caller says this; returns what he heard meanwhile."""
        size = self.switch.read_rate // 50
        return np.concatenate([self.frame(samples[at : at + size]) for at in range(0, len(samples), size)])

    async def finished(self) -> str:
        """The line of the log that names the file."""
        await self.switch.until(lambda: any("recorded " in text for _, text in self.switch.log))
        return next(text for level, text in self.switch.log if "recorded " in text and level == INFO)

    def read(self) -> tuple[int, Pcm16, Pcm16]:
        """Rate, caller, and what he heard, from the end of his first frame on: then the channel sent its first."""
        rate, left, right = read(self.folder / f"{self.switch.uuid}.wav")
        frame = rate // 50
        assert not right[:frame].any()
        return rate, left, right[frame:]


def read(path: Path) -> tuple[int, Pcm16, Pcm16]:
    with wave.open(str(path)) as wav:
        assert wav.getnchannels() == 2
        stereo = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
        return wav.getframerate(), stereo[::2], stereo[1::2]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    wires: list[Wire] = []
    streams = Streams(Figures())

    def make_endpoint(settings: EndpointSettings, listener: EndpointListener, in_hand: InHand) -> Any:
        wires.append(Wire(listener))
        return wires[-1]

    of_switch = {"temp_dir": str(tmp_path), "recordings_dir": str(tmp_path), "time_ns": 7 * SECOND_NS}
    with channel_of_test(make_endpoint, streams, of_switch) as (_, switch):
        yield Desk(switch, streams, wires, tmp_path)


async def test_both_sides_are_in_the_file_to_the_sample(desk: Desk) -> None:
    await desk.start()
    caller, answer = noise(3000, 8000), noise(900, 8000, seed=2)
    heard = [desk.run(caller[:8000])]
    desk.wire.speak(answer)
    heard.append(desk.run(caller[8000:]))
    await desk.switch.api("stop")
    path = desk.folder / f"{desk.switch.uuid}.wav"
    assert await desk.finished() == f"openai_audio_stream default: recorded {path} (3.0 s)"
    rate, left, right = desk.read()
    assert rate == 8000
    # The agent is not done, so the last frame sent counts: it ends one later.
    assert np.array_equal(left, np.concatenate([caller, np.zeros(160, np.int16)]))
    assert np.array_equal(right, np.concatenate(heard))
    assert answer.tobytes() in right.tobytes()
    assert desk.switch.idle == 1


async def test_a_barge_in_cuts_the_agent_where_the_caller_heard_the_end(desk: Desk) -> None:
    await desk.start()
    desk.wire.speak(tone(300, 5000, 8000))
    caller = noise(2000, 8000)
    heard = [desk.run(caller[:8000])]
    desk.wire.say(type="input_audio_buffer.speech_started")
    heard.append(desk.run(caller[8000:]))
    desk.switch.hang_up()
    await desk.finished()
    _, left, right = desk.read()
    assert np.array_equal(left, caller)
    assert np.array_equal(right, np.concatenate(heard)[: len(right)])
    # The fade is in it, and nothing after it.
    assert right[8000:8040].any() and not right[8160:].any()


async def test_the_caller_is_recorded_while_muted_paused_and_disconnected(desk: Desk) -> None:
    await desk.start("mono 8k 8k mute_user", connect=False)
    caller = noise(4000, 8000)
    desk.run(caller[:8000])
    desk.wire.connect()
    desk.run(caller[8000:16000])
    await desk.switch.api("pause")
    desk.run(caller[16000:24000])
    await desk.switch.api("resume")
    desk.run(caller[24000:])
    desk.switch.hang_up()
    await desk.finished()
    assert np.array_equal(desk.read()[1], caller)


async def test_what_is_muted_or_paused_of_the_agent_is_not_in_the_file(desk: Desk) -> None:
    await desk.start()
    desk.wire.speak(noise(3000, 8000))
    silence = np.zeros(8000, np.int16)
    heard = [desk.run(silence)]
    await desk.switch.api("mute openai")
    heard.append(desk.run(silence))
    await desk.switch.api("unmute openai")
    heard.append(desk.run(silence))
    await desk.switch.api("stop")
    await desk.finished()
    right = desk.read()[2]
    assert np.array_equal(right, np.concatenate(heard)[: len(right)])
    assert right[:8000].any() and not right[8000:16000].any()


async def test_a_codec_change_in_mid_call_stays_on_the_time_line(desk: Desk) -> None:
    await desk.start()
    desk.run(tone(500, 1000, 8000))
    desk.switch.read_rate = desk.switch.write_rate = 16000
    desk.run(tone(500, 1000, 16000))
    desk.switch.read_rate = desk.switch.write_rate = 8000
    desk.run(tone(500, 1000, 8000))
    desk.switch.hang_up()
    await desk.finished()
    rate, left, _ = desk.read()
    assert (rate, len(left)) == (8000, 24000)
    inner = np.r_[0:8000, 8100:15900, 16000:24000]
    assert np.abs(left[inner].astype(int) - tone(500, 3000, 8000)[inner]).max() < 80


@pytest.mark.parametrize("mix", ["mixed", "stereo"])
async def test_of_two_directions_the_callers_is_on_the_left(desk: Desk, mix: str) -> None:
    await desk.start(f"{mix} 8k 8k")
    caller, callee = noise(1000, 8000, 20_000), noise(1000, 8000, 20_000, seed=2)
    stereo = np.stack([caller, callee], axis=1).ravel()
    for at in range(0, len(stereo), 320):
        desk.frame(stereo[at : at + 320])
    sent = np.frombuffer(b"".join(desk.wire.audio), np.int16)
    desk.switch.hang_up()
    await desk.finished()
    assert np.array_equal(desk.read()[1], caller)
    both = np.clip(caller.astype(int) + callee, -32768, 32767)
    assert np.array_equal(sent, both if mix == "mixed" else stereo)


async def test_a_stream_that_only_plays_is_recorded_with_its_caller(desk: Desk) -> None:
    await desk.start("recv 8k", connect=True)
    caller = noise(1000, 8000)
    desk.run(caller)
    desk.switch.hang_up()
    await desk.finished()
    assert np.array_equal(desk.read()[1], caller)
    assert desk.wire.audio == []


async def test_streams_and_calls_have_files_of_their_own(desk: Desk) -> None:
    await desk.start("mono 8k 8k stream=agent")
    desk.run(noise(200, 8000))
    await desk.switch.api("stop stream=agent")
    await desk.finished()
    desk.switch.log.clear()
    await desk.start("mono 8k 8k stream=agent", STREAM_RECORD="yes")
    desk.run(noise(200, 8000))
    await desk.switch.api("stop stream=agent")
    await desk.finished()
    uuid = desk.switch.uuid
    assert {path.name for path in desk.folder.iterdir()} == {f"{uuid}_agent.wav", f"{uuid}_agent_2.wav"}


async def test_an_unwritable_path_warns_and_the_call_goes_on(desk: Desk) -> None:
    await desk.start(STREAM_RECORD="missing/call.wav")
    caller = noise(2000, 8000)
    desk.run(caller)
    path = desk.folder / "missing/call.wav"
    warning = (WARNING, f"openai_audio_stream default: recording {path} stops: No such file or directory")
    await desk.switch.until(lambda: warning in desk.switch.log)
    desk.run(caller)
    assert b"".join(desk.wire.audio) == caller.tobytes() * 2
    await desk.switch.api("stop")
    await desk.switch.until(lambda: desk.switch.idle == 1)
    assert sum(level == WARNING for level, _ in desk.switch.log) == 1


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../call.wav", "may not lead upwards by '..'"),
        ("/etc/call.wav", "is outside of FreeSWITCH's folder for recordings; engine --recordings-dir allows others"),
        ("a\x1b[2Jb.wav", "is not a file name"),
    ],
)
async def test_a_path_out_of_the_folder_warns_and_the_call_goes_on(desk: Desk, path: str, why: str) -> None:
    await desk.start(STREAM_RECORD=path)
    assert desk.switch.log[0] == (WARNING, f"openai_audio_stream default: not recorded: STREAM_RECORD {why}")
    caller = noise(2000, 8000)
    desk.run(caller)
    assert b"".join(desk.wire.audio) == caller.tobytes()
    await desk.switch.api("stop")
    await desk.switch.until(lambda: desk.switch.idle == 1)
    assert list(desk.folder.iterdir()) == []


async def test_no_file_without_the_variable(desk: Desk) -> None:
    await desk.start(STREAM_RECORD="false", STREAM_DISABLE_AUDIOFILES="true")
    desk.run(noise(1000, 8000))
    await desk.switch.api("stop")
    await desk.switch.until(lambda: desk.switch.idle == 1)
    assert list(desk.folder.iterdir()) == []


async def test_an_engine_that_comes_after_a_crash_goes_on_in_the_same_file(tmp_path: Path) -> None:
    """At most a second is missing, and what the rings kept meanwhile is there."""
    switch = SwitchSide(played_slots=64)
    path = tmp_path / "call.wav"
    caller, answer = noise(6000, 8000), noise(6000, 8000, seed=2)
    logs: list[str] = []
    with ThreadPoolExecutor(1) as executor:

        def make(memory: StreamMemory, finished: Callable[[], None], rate: int) -> Recording:
            recording = Recording(
                memory,
                lambda: Spot(path, os.open(path.parent, os.O_PATH)),
                executor,
                lambda level, text: logs.append(text),
                finished,
                rate=rate,
                ptime_ms=0,
                mix=Mix.MONO,
            )
            recording.begin(Packetizer(memory, True))
            return recording

        def step(memory: StreamMemory, recording: Recording | None, n: int) -> None:
            memory.write_playback(answer[160 * n : 160 * (n + 1)].tobytes())
            time_ns = 7 * SECOND_NS + n * 20_000_000
            switch.capture(caller[160 * n : 160 * (n + 1)].tobytes(), 8000, 1, time_ns)
            switch.playback(160, 8000, time_ns)
            if recording is not None:
                recording._caller_side.skip()
                recording.tick()

        memory = StreamMemory(switch.fd)
        memory.discard_playback(8000)
        first = make(memory, lambda: None, 8000)
        await asyncio.wrap_future(executor.submit(lambda: None))
        await asyncio.sleep(0)
        for n in range(150):
            step(memory, first, n)
        await asyncio.wrap_future(executor.submit(lambda: None))
        written = len(read(path)[1])
        assert 150 * 160 - written <= 8000
        # It dies: nothing of what it holds is written. Twenty frames go by without it.
        for n in range(150, 170):
            step(memory, None, n)
        done = asyncio.Event()
        memory = StreamMemory(switch.fd)
        second = make(memory, done.set, 16000)  # the file has its rate
        for n in range(170, 300):
            step(memory, second, n)
        second.finish()
        await done.wait()
    _, left, right = read(path)
    assert len(left) == len(right) == 48000
    for side, said in ((left, caller), (right, answer)):
        assert np.array_equal(side[:written], said[:written])
        assert np.array_equal(side[24000:], said[24000:])
        assert not side[written:24000].any()
    # No other file: it is the one that is named.
    assert logs == [f"recorded {path} (6.0 s)"]


async def test_a_full_disk_warns_once_and_the_call_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: RecordingFile, position: int, pcm: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RecordingFile, "write", full)
    await desk.start()
    caller = noise(3000, 8000)
    desk.run(caller)
    path = desk.folder / f"{desk.switch.uuid}.wav"
    warning = (WARNING, f"openai_audio_stream default: recording {path} stops: No space left on device")
    await desk.switch.until(lambda: warning in desk.switch.log)
    desk.run(caller)
    await desk.switch.api("stop")
    await desk.finished()
    assert sum(level == WARNING for level, _ in desk.switch.log) == 1
    assert b"".join(desk.wire.audio) == caller.tobytes() * 2


async def test_a_disk_that_falls_behind_ends_the_recording_with_a_warning(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()
    write = RecordingFile.write

    def slow(self: RecordingFile, position: int, pcm: bytes) -> None:
        stuck.wait()
        write(self, position, pcm)

    monkeypatch.setattr(RecordingFile, "write", slow)
    await desk.start()
    caller = noise(20, 8000)
    try:
        for _ in range((MAX_WAITING + 5) * 25):
            desk.frame(caller)
        path = desk.folder / f"{desk.switch.uuid}.wav"
        warning = (WARNING, f"openai_audio_stream default: recording {path} stops: the disk is too slow")
        await desk.switch.until(lambda: warning in desk.switch.log)
    finally:
        stuck.set()
    await desk.switch.api("stop")
    await desk.finished()
    assert len(desk.read()[1]) <= MAX_WAITING * 4000
