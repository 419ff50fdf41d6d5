"""What the README of each example promises, heard by a caller."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
from audio.alignment import align
from audio.files import can_speak, speech
from audio.g711 import Pcm16
from audio.segments import sounding
from audio.tones import dominant_frequency, tone, tone_amplitude
from freeswitch import RealSwitch, StreamCommands
from sip import L16_16K, Call

from mod_openai_realtime.freeswitch.ports import own_ports
from mod_openai_realtime.local.agent import Script
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.local.voice import hibari
from mod_openai_realtime.processes import die_with_parent

pytestmark = pytest.mark.usefixtures("engine")
EXAMPLES = Path(__file__).parents[2] / "examples"
MakeCall = Callable[..., Call]


class Example:
    """A program of an example, and the lines that it prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: Queue[str] = Queue()
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def wait_line(self, text: str, timeout: float = 30) -> str:
        """The next line that has the text in it; earlier ones are gone. Raises queue.Empty."""
        while text not in (line := self._lines.get(timeout=timeout)):
            pass
        return line

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


@contextlib.contextmanager
def running(file: str, *options: str) -> Iterator[Example]:
    command = [*die_with_parent("TERM"), sys.executable, str(EXAMPLES / file), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            example = Example(process)
            example.wait_line("ready")
            yield example
        finally:
            process.terminate()


@pytest.fixture
def backend() -> Iterator[tuple[Example, str]]:
    """The raw backend, and its URL."""
    port = own_ports().free()
    with running("raw_backend/backend.py", "--port", str(port)) as example:
        yield example, f"ws://127.0.0.1:{port}/"


def test_the_agent_is_heard_to_the_last_word_of_its_goodbye(
    switch: RealSwitch, make_call: MakeCall, make_endpoint: Callable[..., LocalEndpointThread]
) -> None:
    if not can_speak():
        pytest.skip("no espeak-ng or no sox")
    script = Script.from_file(EXAMPLES / "event_socket_agent/script.json")
    said = [turn.text for turn in (script.greeting, *script.turns) if turn is not None and turn.text]
    spoken = [_audible(hibari().speak_now(text, 8000)) for text in said]
    endpoint = make_endpoint(agent=script, vad=True)
    conf = switch.configuration
    options = "--port", str(conf.event_port), "--password", conf.event_password
    with running("event_socket_agent/agent.py", *options) as agent:
        call = make_call("park")
        stream = StreamCommands(switch.events, call.uuid)
        stream.start(endpoint.url, "mono 24000 24000")
        for words in "When are you open on Monday please?", "Thank you very much, that is all I wanted to know.":
            stream.wait_for("openai_speech_stop")
            call.party.say(speech(words, 8000))
        agent.wait_line("hang_up(")
        call.wait_end(60)
        heard = call.party.audio()
    at = 0
    for part in spoken:  # each whole, and in its order
        found = align(part, heard[at:])
        assert found.similarity > 0.95
        at += found.offset + len(part)


def test_the_agent_forwards_digits_to_the_model(
    switch: RealSwitch, make_call: MakeCall, make_endpoint: Callable[..., LocalEndpointThread]
) -> None:
    tone_of = {"tone_hz": 440, "ms": 500}
    endpoint = make_endpoint(agent={"greeting": tone_of, "turns": [{**tone_of, "tone_hz": 880}]})
    conf = switch.configuration
    with running("event_socket_agent/agent.py", "--port", str(conf.event_port), "--password", conf.event_password):
        call = make_call("park")
        stream = StreamCommands(switch.events, call.uuid)
        stream.start(endpoint.url, "mono 24000 24000")
        stream.wait_for("openai_speech_stop")
        assert switch.api(f"uuid_recv_dtmf {call.uuid} 4711#").startswith("+OK")
        stream.wait_for("openai_speech_start")  # the model answers
        stream.wait_for("openai_speech_stop")
    [item] = endpoint.snapshot()[0].received_events("conversation.item.create")
    assert "4711." in item["item"]["content"][0]["text"]


def test_the_backend_greets_echoes_half_a_second_late_and_beeps(
    switch: RealSwitch, make_call: MakeCall, backend: tuple[Example, str]
) -> None:
    example, url = backend
    call = make_call("park", L16_16K)
    assert switch.api(f"uuid_setvar {call.uuid} STREAM_DISABLE_AUDIOFILES true").startswith("+OK")
    stream = StreamCommands(switch.events, call.uuid, "uuid_raw_audio_stream")
    stream.start(url, "mono 16k 16k")
    example.wait_line("open")
    heard = call.party.wait_heard(lambda audio: _has_tone(audio, 440))
    (greeting,) = sounding(heard, 16000)
    assert dominant_frequency(greeting.of(heard), 16000) == pytest.approx(440, abs=5)
    since = len(call.party.received)
    call.party.say(tone(1000, 300, 16000))
    call.party.wait_heard(lambda audio: _has_tone(audio, 1000), since=since)
    stream.ok("send_json eyJ0eXBlIjoiYmVlcCJ9")
    call.party.wait_heard(lambda audio: _has_tone(audio, 880), since=since)
    stream.ok("stop")
    assert example.wait_line("closed") == "closed 1000\n"


def _audible(samples: Pcm16) -> Pcm16:
    parts = sounding(samples, 8000)
    return samples[parts[0].start : parts[-1].end]


def _has_tone(audio: Pcm16, hertz: int) -> bool:
    """Whether it sounds anywhere for a tenth of a second, and is over."""
    size = 1600
    windows = [audio[at : at + size] for at in range(0, len(audio) - size, size // 2)]
    sounds = np.array([tone_amplitude(each, hertz, 16000) > 1000 for each in windows], dtype=bool)
    return bool(len(sounds) and sounds.any() and not sounds[-1])
