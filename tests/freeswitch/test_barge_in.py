"""What a caller's voice does to the agent's, by STREAM_BARGE_IN, on real calls: to the sample where it is seen."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.tones import noise, silence
from contract import FarEnd
from freeswitch import RealSwitch, StreamCommands
from sip import PCMU, Call

from mod_openai_realtime.local.voice import hibari

pytestmark = pytest.mark.usefixtures("engine")
MakeCall = Callable[..., Call]
Streams = Callable[[Call], StreamCommands]

STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
CREATED = {"audio": {"input": {"turn_detection": {"type": "server_vad", "interrupt_response": True}}}}
LEFT_ALONE = {"audio": {"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}}}
ANSWER_MS = 5000
QUIET = PCMU.encode(silence(20, 8000))


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


@pytest.fixture(scope="module")
def words() -> Pcm16:
    """A sentence, and nothing before it."""
    said = hibari().speak_now("No, wait a moment please, that is not what I have asked for.", 8000)
    return said[int(np.argmax(np.abs(said) > 1000)) :]


def cough() -> Pcm16:
    """200 ms of noise that fades."""
    return (noise(200, 8000) * np.exp(-np.arange(1600) / 500)).astype(np.int16)


def told(far: FarEnd, kind: str = "") -> list[dict[str, Any]]:
    messages = [json.loads(text) for text in far.texts()]
    return [each for each in messages if not kind or each["type"] == kind]


class Answer:
    """Noise, so that each of its packets is known by itself."""

    def __init__(self, call: Call) -> None:
        # Just what G.711 can say, so that packets can be told apart, and the same.
        self.packets = [PCMU.encode(part) for part in np.split(noise(ANSWER_MS, 8000), ANSWER_MS // 20)]
        self.samples = np.concatenate([PCMU.decode(packet) for packet in self.packets])
        self._call = call

    def heard(self) -> list[int]:
        """Which of its packets the caller has got, in the order of their coming."""
        numbers = {packet: number for number, packet in enumerate(self.packets)}
        return [numbers[each.payload] for each in list(self._call.party.received) if each.payload in numbers]

    def wait(self, packets: int) -> None:
        self._call.party.wait_heard(lambda _: len(self.heard()) >= packets)

    def pause_ms(self) -> int:
        """How long nothing of it came, between two of its packets."""
        times = [each.at for each in list(self._call.party.received) if each.payload in set(self.packets)]
        return max(round(1000 * (after - before)) for before, after in itertools.pairwise(times))


def talk(call: Call, streams: Streams, switch: RealSwitch, far: FarEnd, policy: str) -> tuple[StreamCommands, Answer]:
    """The agent answers, and the caller has heard a second of it."""
    switch.api(f"uuid_setvar {call.uuid} STREAM_BARGE_IN {policy}")
    stream, answer = streams(call), Answer(call)
    stream.start(far.url, "mono 8k 8k")
    far.say("session.created", session=CREATED)
    far.until(lambda records: "session.update" in str(records[-1].received))
    (update,) = told(far, "session.update")
    assert update["session"]["audio"] == LEFT_ALONE["audio"]
    far.say("session.updated", session=LEFT_ALONE)
    far.say("response.created", response={"id": "r1"})
    far.speak(answer.samples, "r1")
    far.finish("r1")
    answer.wait(50)
    return stream, answer


def test_where_it_is_off_the_answer_is_heard_whole_and_what_the_caller_says_goes_to_the_server(
    make_call: MakeCall, streams: Streams, switch: RealSwitch, far: FarEnd, words: Pcm16
) -> None:
    call = make_call("park")
    stream, answer = talk(call, streams, switch, far, "off")
    call.party.say(words)
    far.say(STARTED)
    turn = json.loads(stream.wait_for("turn").body)
    assert turn["heard_ms"] == ANSWER_MS and turn["interrupted"] is False
    answer.wait(len(answer.packets))
    assert answer.heard() == list(range(len(answer.packets))) and answer.pause_ms() < 200
    assert {each["type"] for each in told(far)} == {"session.update"}
    assert np.max(np.abs(far.audio())) > 4000


@pytest.mark.parametrize("stops", [True, False], ids=["the server says it is over", "the server does not"])
def test_a_cough_makes_the_agent_wait_and_go_on_with_the_next_sample(
    make_call: MakeCall, streams: Streams, switch: RealSwitch, far: FarEnd, stops: bool
) -> None:
    call = make_call("park")
    stream, answer = talk(call, streams, switch, far, "confirm")
    call.party.say(cough())
    call.party.wait_said()
    far.say(STARTED)
    if stops:
        call.party.wait_packets(10)
        far.say(STOPPED)
    turn = json.loads(stream.wait_for("turn").body)
    assert turn["heard_ms"] == ANSWER_MS and turn["interrupted"] is False
    answer.wait(len(answer.packets))
    assert answer.heard() == list(range(len(answer.packets)))
    assert 150 <= answer.pause_ms() < 1200
    assert {each["type"] for each in told(far)} == {"session.update"}


def test_words_are_a_barge_in_where_the_agent_had_begun_to_wait(
    make_call: MakeCall, streams: Streams, switch: RealSwitch, far: FarEnd, words: Pcm16
) -> None:
    call = make_call("park")
    stream, answer = talk(call, streams, switch, far, "confirm")
    call.party.say(words)
    call.party.wait_packets(5)
    far.say(STARTED)
    stream.wait_for("openai_speech_stop")
    turn = json.loads(stream.wait_for("turn").body)
    call.party.wait_packets(10)
    heard = answer.heard()
    assert heard == list(range(len(heard))) and turn["interrupted"] is True and turn["heard_ms"] == 20 * len(heard)
    far.until(lambda records: "truncate" in str(records[-1].received))
    (truncate,) = told(far, "conversation.item.truncate")
    assert truncate["audio_end_ms"] == turn["heard_ms"] < ANSWER_MS - 1000
    assert told(far, "response.cancel") == [{"type": "response.cancel"}]
