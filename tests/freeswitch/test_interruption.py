"""What a caller hears on the wire when somebody speaks or wants silence while the agent speaks: with real calls."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from audio.g711 import Pcm16
from audio.segments import gaps
from audio.tones import tone, tone_amplitude
from contract import FarEnd
from freeswitch import StreamCommands
from sip import Call

pytestmark = pytest.mark.usefixtures("engine")
MakeCall = Callable[..., Call]
Streams = Callable[[Call], StreamCommands]

STAYS = {"audio": {"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}}}


def ms_with(audio: Pcm16, frequency: float) -> int:
    """How long a tone of this frequency is heard, in frames of 20 ms."""
    return 20 * sum(
        tone_amplitude(audio[at : at + 160], frequency, 8000) > 4000 for at in range(0, len(audio) - 159, 160)
    )


def talk(streams: Streams, call: Call, far: FarEnd) -> StreamCommands:
    """4 s of 440 Hz of response r1 are under way, and 1 s of them has been heard."""
    stream = streams(call)
    stream.start(far.url, "mono 8k 8k")
    far.say("response.created", response={"id": "r1"})
    far.speak(tone(440, 4000, 8000), "r1")
    stream.wait_for("openai_speech_start")
    call.party.wait_heard(lambda audio: ms_with(audio, 440) >= 1000)
    return stream


def answer_anew(stream: StreamCommands, call: Call, far: FarEnd) -> Pcm16:
    """What the caller has heard by the end of a new response, of 880 Hz for half a second."""
    far.say("response.created", response={"id": "new"})
    far.speak(tone(880, 500, 8000), "new")
    far.finish("new")
    stream.wait_for("openai_speech_stop")
    return call.party.wait_heard(lambda audio: ms_with(audio, 880) >= 480)


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


@pytest.mark.parametrize("by", ["session", "response"])
def test_what_the_caller_may_not_interrupt_is_heard_whole(
    make_call: MakeCall, streams: Streams, far: FarEnd, by: str
) -> None:
    call = make_call("park")
    stream = streams(call)
    stream.start(far.url, "mono 8k 8k")
    own = {"metadata": {"interruptible": "false"}} if by == "response" else {}
    if by == "session":
        far.say("session.updated", session=STAYS)
    far.say("response.created", response={"id": "r1", **own})
    far.speak(tone(440, 4000, 8000), "r1")
    far.finish("r1")
    stream.wait_for("openai_speech_start")
    call.party.wait_heard(lambda audio: ms_with(audio, 440) >= 600)
    far.say("input_audio_buffer.speech_started")
    turn = json.loads(stream.wait_for("turn").body)
    assert turn["heard_ms"] == 4000 and turn["interrupted"] is False
    heard = call.party.wait_heard(lambda audio: ms_with(audio, 440) >= 3960)
    assert ms_with(heard, 440) <= 4000 and gaps(heard, 8000) == []
    assert far.texts() == []


@pytest.mark.parametrize(
    "message",
    [
        None,
        {"type": "response.cancel"},
        {"type": "conversation.item.truncate", "item_id": "item_r1", "content_index": 0, "audio_end_ms": 900},
        {"type": "output_audio_buffer.clear"},
    ],
    ids=["break", "cancel", "truncate", "clear"],
)
def test_the_application_silences_the_agent_at_once_and_a_new_answer_is_heard(
    make_call: MakeCall, streams: Streams, far: FarEnd, message: dict[str, Any] | None
) -> None:
    call = make_call("park")
    stream = talk(streams, call, far)
    if message is None:
        stream.ok("break")
    else:
        stream.ok(f"send_json {base64.b64encode(json.dumps(message).encode()).decode()}")
    stream.wait_for("openai_speech_stop")
    turn = json.loads(stream.wait_for("turn").body)
    far.speak(tone(440, 1000, 8000), "r1")
    heard = answer_anew(stream, call, far)
    on_wire = ms_with(heard, 440)
    assert turn["interrupted"] is True and abs(turn["heard_ms"] - on_wire) <= 40
    assert on_wire < 3000
    assert 480 <= ms_with(heard, 880) <= 520
    told = [json.loads(text) for text in far.texts()]
    truncates = [each for each in told if each["type"] == "conversation.item.truncate"]
    assert len(truncates) == 1
    if message is None or message["type"] != "conversation.item.truncate":
        assert abs(truncates[0]["audio_end_ms"] - on_wire) <= 40
    assert "output_audio_buffer.clear" not in {each["type"] for each in told}
