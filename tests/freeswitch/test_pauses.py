"""A telephone that sends nothing in its pauses (DTX): for the server they last as long as they did for the caller; and
what was only held up on the way has no pause in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from threading import Event

import pytest
from audio.segments import gaps, sounding
from audio.tones import noise, tone
from contract import FarEnd
from contract.far_end import Records
from freeswitch import RealSwitch, StreamCommands
from sip import L16_8K, Call, Caller

pytestmark = pytest.mark.usefixtures("engine")

PAUSES_MS = [300, 1000, 2000]
SAID_MS = 1000
WHOLE_MS = 4 * SAID_MS + sum(PAUSES_MS)


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


@pytest.mark.parametrize("jitter_buffer", ["", "jitterbuffer_msec=60"], ids=["no-jitter-buffer", "jitter-buffer"])
@pytest.mark.parametrize("recording", ["", "STREAM_RECORD=pauses"], ids=["sent", "recorded"])
def test_pauses_last_as_long_as_they_did(
    streams: Callable[[Call], StreamCommands],
    make_calls: Callable[..., Caller],
    far: FarEnd,
    jitter_buffer: str,
    recording: str,
) -> None:
    variables = f"STREAM_DISABLE_AUDIOFILES=true {recording} {jitter_buffer}"
    call = make_calls("park", 1, L16_8K, headers={"X-Variables": variables}).calls[0].wait_media()
    streams(call).start(far.url, "mono 8k 8k")
    party = call.party
    party.say(tone(500, SAID_MS, 8000))
    for pause_ms in PAUSES_MS:
        party.send_nothing(pause_ms)
        party.say(tone(500, SAID_MS, 8000))
    party.wait_said()
    far.until(lambda records: len(records[-1].received_audio()) >= 2 * 8 * (WHOLE_MS + 2000))
    heard = far.audio()
    # The jitter buffer may make up a packet or two of its own at either end of a pause.
    assert [len(each) / 8 for each in gaps(heard, 8000, shortest_ms=100)] == pytest.approx(PAUSES_MS, abs=100)
    parts = sounding(heard, 8000, bridge_ms=100)
    assert (parts[-1].end - parts[0].start) / 8 == pytest.approx(WHOLE_MS, abs=60)


def test_a_switch_that_was_held_up_makes_no_pause(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_calls: Callable[..., Caller],
    far: FarEnd,
) -> None:
    call = (
        make_calls("park", 1, L16_8K, headers={"X-Variables": "STREAM_DISABLE_AUDIOFILES=true"}).calls[0].wait_media()
    )
    streams(call).start(far.url, "mono 8k 8k")
    said = noise(4000, 8000, seed=5)
    call.party.say(said)
    frames = [said[at : at + 160].tobytes() for at in range(0, len(said), 160)]  # FreeSWITCH may lose one
    far.until(lambda records: _found(records, frames[50:80]))
    os.kill(switch.pid, signal.SIGSTOP)
    Event().wait(0.4)
    os.kill(switch.pid, signal.SIGCONT)
    far.until(lambda records: _found(records, frames[-25:]))
    heard = far.audio().tobytes()
    places = [at for frame in frames[50:] if (at := heard.find(frame)) >= 0]
    # What FreeSWITCH makes up itself for a packet that is late is not 0.
    assert bytes(320) not in heard[places[0] : places[-1]]


def _found(records: Records, frames: list[bytes]) -> bool:
    heard = bytes(records[0].received_audio())
    return any(frame in heard for frame in frames)
