"""A goodbye is heard to its last sample before the call ends or goes elsewhere, however slowly it comes.

GOODBYES says how many calls there are of each kind: 1 if it is not set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from agent.talk import Talks, do
from freeswitch import RealSwitch
from sip.telephone import Telephone, TelephoneCall

from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.scripted_model import ScriptedModel
from mod_openai_realtime.local.turns import Context, FunctionCall, Turn

COUNT = int(os.environ.get("GOODBYES", "1"))
AT_ONCE = 10
SILENCE = b"\xff\x7f"
"""In G.711; the goodbye may hold some, too, which is left out of account on both sides."""

STEP = 20  # samples
FAST = Behaviour()
SLOW = Behaviour(pacing=Pacing(delta_ms=100, speed=0.7, ahead_ms=0), latency_ms=(200, 200))
BURSTS = Behaviour(pacing=Pacing(delta_ms=600, speed=0.8, ahead_ms=0), latency_ms=(100, 400))


class Goodbye(ScriptedModel):
    """Says it, noise of which each sample counts, and calls the tool behind it."""

    def __init__(self, tool: dict[str, object]) -> None:
        super().__init__()
        call = tool["call"]
        assert isinstance(call, dict)
        self._call = FunctionCall(call["name"], json.dumps(call["arguments"]))
        noise = np.random.default_rng(18)
        self._samples = noise.integers(-12_000, 12_000, 24_000).astype(np.int16)

    async def answer(self, context: Context) -> Turn:
        return Turn() if context.results else Turn(samples=self._samples, calls=(self._call,))


def sounding(audio: bytes) -> bytes:
    return audio.translate(None, SILENCE)


def heard(call: TelephoneCall) -> bytes:
    return sounding(b"".join(packet.payload for packet in call.party.received if packet.payload_type == 0))


def is_whole(heard: bytes, said: bytes) -> bool:
    """Each sample that was said was heard, in order. Where the audio comes too slowly 5 ms are faded out before each
    gap, which are heard besides."""
    coming = iter(heard)
    return all(sample in coming for sample in said)


def has_heard(call: TelephoneCall, said: bytes) -> bool:
    return is_whole(heard(call), said)


def account(call: TelephoneCall, said: bytes) -> str:
    """Of one that is not whole."""
    got, packets = heard(call), call.party.received
    missing = [at for at in range(0, len(said) - STEP + 1, STEP) if said[at : at + STEP] not in got]
    lost = sum((after.sequence - before.sequence - 1) % (1 << 16) for before, after in pairwise(packets))
    return f"{len(got)} of {len(said)} samples; not heard: those from {missing} on; packets lost on the way: {lost}"


@pytest.mark.timeout(60 + 10 * COUNT)
@pytest.mark.parametrize("behaviour", [FAST, SLOW, BURSTS], ids=["fast", "slow", "bursts"])
@pytest.mark.parametrize("how", ["hang_up", "transfer", "bridge", "refer"])
def test_a_goodbye_is_heard_to_its_last_sample(
    talk: Talks, switch: RealSwitch, make_telephone: Callable[[], Telephone], how: str, behaviour: Behaviour
) -> None:
    other = make_telephone()
    tool = {
        "hang_up": do("hang_up"),
        "transfer": do("transfer", extension="silence"),
        "bridge": do("bridge", dial_string=f"sofia/test/ann@{other.address}"),
        "refer": do("refer", uri="sip:1001@example.com"),
    }[how]
    endpoint = talk.endpoint(agent_for=lambda _: Goodbye(tool), behaviour=behaviour)
    cut: list[str] = []
    for first in range(0, COUNT, AT_ONCE):
        count = min(AT_ONCE, COUNT - first)
        calls = [talk.begin(f"helper url={endpoint.url} audio=pcmu") for _ in range(count)]
        switch.wait_until(partial(has_ended, talk, first + count), 30)
        said = max((sounding(record.sent_audio()) for record in endpoint.snapshot()), key=len)
        assert len(said) > 7000
        for call in calls:
            if how in ("hang_up", "refer"):
                call.wait_end()
            try:  # what has been sent may still be on its way to the test
                switch.wait_until(partial(has_heard, call, said), 5)
            except AssertionError:
                cut.append(account(call, said))
            if not call.ended:
                call.hang_up()
    assert cut == [], f"{len(cut)} of {COUNT} are not whole: {cut}"
    assert talk.notes == [["helper", "hang_up" if how == "hang_up" else "transferred"]] * COUNT


def has_ended(talk: Talks, count: int) -> bool:
    return len(talk.notes) == count
