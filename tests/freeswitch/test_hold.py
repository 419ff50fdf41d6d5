"""Hold over SIP, whatever the channel is doing: what goes over the wire, packet by packet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from audio.g711 import Pcm16
from audio.tones import noise, tone, tone_amplitude
from contract import FarEnd
from contract.switch import HOLDS
from freeswitch import RealSwitch, StreamCommands
from sip import L16_8K, Call, Caller

pytestmark = pytest.mark.usefixtures("engine")
Streams = Callable[[Call], StreamCommands]
MakeCalls = Callable[..., Caller]
Begin = Callable[..., tuple["HeldCall", StreamCommands]]

ANSWER_MS = 4000
FRAME = 160


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


class HeldCall:
    """A call with a stream, and which frames of the answer have come over its wire, in order."""

    def __init__(self, switch: RealSwitch, call: Call, answer: Pcm16) -> None:
        self.call = call
        self._switch = switch
        frames = [answer[at : at + FRAME] for at in range(0, len(answer), FRAME)]
        self._places = {L16_8K.encode(frame): place for place, frame in enumerate(frames)}

    def frames(self) -> list[int]:
        return [self._places[each.payload] for each in self.call.party.received if each.payload in self._places]

    def until(self, count: int) -> None:
        self.call.party.wait_heard(lambda _: len(self.frames()) >= count)

    def hold(self, how: str) -> None:
        if how == "uuid_hold":
            self._reinvited(f"uuid_hold {self.call.uuid}")
        else:
            self.call.hold(how)

    def unhold(self, how: str) -> None:
        if how == "uuid_hold":
            self._reinvited(f"uuid_hold off {self.call.uuid}")
        else:
            self.call.unhold()

    def _reinvited(self, command: str) -> None:
        settled = self.call.settled
        self._switch.api(command)
        self.call.wait_settled(settled + 1)

    def hears_nothing_for(self, packets: int) -> None:
        """So much time passes, by the packets that the party sends. What was on its way has come before."""
        self.call.party.wait_sent(5)
        before = self.frames()
        self.call.party.wait_sent(packets)
        assert self.frames() == before

    def assert_heard_whole(self) -> None:
        """Each frame once and in order. One may have been on its way to the network when the hold began."""
        self.until(ANSWER_MS // 20 - 1)
        self.call.party.wait_sent(10)
        frames = self.frames()
        assert frames == sorted(set(frames))
        missing = set(range(ANSWER_MS // 20)) - set(frames)
        assert len(missing) <= 1, f"lost: {sorted(missing)}"


@pytest.fixture
def begin(
    switch: RealSwitch, streams: Streams, make_calls: MakeCalls, far: FarEnd
) -> Callable[..., tuple[HeldCall, StreamCommands]]:
    """``begin(destination, variables="", **Caller's)``: a call that has heard half a second of the answer."""

    def make(destination: str, variables: str = "", **options: str) -> tuple[HeldCall, StreamCommands]:
        headers = {"X-Stream-Start": f"{far.url} mono 8k 8k"}
        headers["X-Variables"] = f"STREAM_DISABLE_AUDIOFILES=true {variables}".rstrip()
        call = make_calls(destination, 1, L16_8K, headers=headers, **options).calls[0].wait_media()
        stream = streams(call)
        if destination == "application":
            stream.wait_for("connect")
        else:
            stream.start(far.url, "mono 8k 8k")
        answer = noise(ANSWER_MS, 8000)
        far.speak(answer)
        far.finish()
        held = HeldCall(switch, call, answer)
        held.until(25)
        return held, stream

    return make


# `sleep` ends by itself on uuid_hold, and with it the call.
DOING = [(where, how) for where in ("application", "silent-park", "bridge", "conference-hold") for how in HOLDS]
DOING += [("silent-sleep", "sendonly"), ("silent-sleep", "inactive")]


@pytest.mark.parametrize(("destination", "how"), DOING)
def test_an_answer_is_heard_whole_whatever_the_channel_is_doing(begin: Begin, destination: str, how: str) -> None:
    held, stream = begin(destination)
    held.hold(how)
    held.hears_nothing_for(60)
    held.unhold(how)
    held.assert_heard_whole()
    assert [stream.wait_for("hold").body for _ in range(2)] == ['{"status":"held"}', '{"status":"resumed"}']
    assert json.loads(stream.wait_for("turn").body)["heard_ms"] == ANSWER_MS


def test_music_on_hold_does_not_come_to_the_server(begin: Begin, far: FarEnd) -> None:
    held, stream = begin("bridge", "hold_music=tone_stream://%(1000,0,900);loops=-1")
    held.hold("sendonly")
    stream.wait_for("hold")
    held.call.party.say(tone(600, 1200, 8000))  # the telephone has music of its own
    held.hears_nothing_for(60)
    held.call.party.wait_said()
    held.unhold("sendonly")
    held.assert_heard_whole()
    sent = far.audio()
    assert len(sent) > 8000
    assert max(tone_amplitude(sent, frequency, 8000) for frequency in (600, 900)) < 20


def test_a_held_caller_who_is_transferred_still_waits(switch: RealSwitch, begin: Begin) -> None:
    held, stream = begin("silent-park")
    held.hold("sendonly")
    held.hears_nothing_for(20)
    # FreeSWITCH takes it for resumed, and its channel writes; but it sends no packets before the telephone says so.
    for destination in ("park", "silent-park"):
        assert switch.api(f"uuid_transfer {held.call.uuid} {destination}").startswith("+OK")
        held.hears_nothing_for(50)
    held.unhold("sendonly")
    held.assert_heard_whole()
    assert [stream.wait_for("hold").body for _ in range(2)] == ['{"status":"held"}', '{"status":"resumed"}']


@pytest.mark.parametrize("destination", ["silent-park", "bridge"])
def test_a_telephone_may_answer_our_hold_with_inactive(begin: Begin, destination: str) -> None:
    held, _ = begin(destination, answer_to_hold="inactive")
    held.hold("uuid_hold")
    held.hears_nothing_for(40)
    held.unhold("uuid_hold")
    held.assert_heard_whole()
