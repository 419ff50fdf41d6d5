"""A telephone that sends nothing in its pauses (DTX): for the server they last as long as they did for the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from audio.segments import gaps, sounding
from audio.tones import tone
from contract import FarEnd
from freeswitch import StreamCommands
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
