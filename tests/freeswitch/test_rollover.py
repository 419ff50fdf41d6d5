"""A session takes over from the one before it under a real call, with sound both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from audio.tones import noise
from contract import FarEnd
from freeswitch import StreamCommands
from sip import L16_8K, Call, Caller

pytestmark = pytest.mark.usefixtures("engine")

AGE_S = 2
SAID_S = 8
SPOKEN_S = 3


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


@pytest.mark.parametrize("cause", ["age", "word"])
def test_no_sample_is_lost_or_sent_twice_and_the_agent_is_heard_whole(
    streams: Callable[[Call], StreamCommands], make_calls: Callable[..., Caller], far: FarEnd, cause: str
) -> None:
    age = f"STREAM_MAX_SESSION_S={AGE_S}" if cause == "age" else ""
    variables = f"STREAM_DISABLE_AUDIOFILES=true {age}"
    call = make_calls("park", 1, L16_8K, headers={"X-Variables": variables}).calls[0].wait_media()
    party, stream = call.party, streams(call)
    stream.start(far.url, "mono 8k 8k")
    far.say("session.created", session={})
    said = noise(SAID_S * 1000, 8000, seed=3)
    party.say(said)
    before, after = noise(SPOKEN_S * 1000, 8000, seed=1), noise(SPOKEN_S * 1000, 8000, seed=2)
    far.speak(before)
    far.finish()
    if cause == "word":
        # In the middle of the answer, which plays on, and of what the caller says.
        stream.wait_for("openai_speech_start")
        begun = said[:800].tobytes()
        far.until(lambda records: begun in bytes(records[0].received_audio()))
        far.say("error", error={"type": "invalid_request_error", "code": "session_expired"})
    else:
        stream.wait_for("openai_speech_stop")
    far.until(lambda records: len(records) == 2)
    far.say("session.created", 1, session={})
    assert json.loads(stream.wait_for("connect").body) == {"status": "connected", "cause": "rollover"}
    far.speak(after, "r2", connection=1)
    far.finish("r2", connection=1)
    stream.wait_for("openai_speech_stop")
    party.wait_said()
    assert far.until_closed(0).close_code == 1000
    far.until(lambda records: len(records[0].received_audio() + records[1].received_audio()) > 2 * (SAID_S + 1) * 8000)

    first, second = far.audio(0), far.audio(1)
    # Nothing is missing where they meet, nothing comes twice. Elsewhere a busy FreeSWITCH may lose a frame of its own.
    assert np.concatenate([first[-200:], second[:200]]).tobytes() in said.tobytes()
    sent = np.concatenate([first, second]).tobytes()
    frames = [said[at : at + 160].tobytes() for at in range(0, len(said), 160)]
    places = [sent.find(frame) for frame in frames]
    assert all(sent.count(frame) <= 1 for frame in frames)
    found = [place for place in places if place >= 0]
    assert found == sorted(found) and len(found) > 0.9 * len(frames)

    for spoken in (before, after):
        whole = spoken.astype(np.int16).tobytes()
        party.wait_heard(lambda audio, whole=whole: whole in audio.astype(np.int16).tobytes())  # type: ignore[misc]
