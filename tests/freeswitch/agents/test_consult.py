"""Attended transfer: what the caller hears, what the other party hears, and what becomes of both."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from agent.talk import Talks, do, wait_outputs
from audio.tones import tone
from engine_process import EngineProcess
from freeswitch import RealSwitch
from sip.hearing import sounded_ms, wait_tone
from sip.telephone import Act, Telephone, TelephoneCall, declines, rings

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.scripted_model import ScriptedModel
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.turns import Context, FunctionCall, Turn

MUSIC, CALLER, OTHER, AGENT, BRIEFING, EXCUSE, BEHIND = 350, 1900, 2400, 440, 800, 1300, 1000  # Hz
HOLD_MUSIC = f"hold_music=tone_stream://%(60000,0,{MUSIC})"
ACCEPT, DECLINE = FunctionCall("accept"), FunctionCall("decline")


class Model(ScriptedModel):
    """Both sessions have it: that of the agent consults and goes on; that with the other party has `briefing`."""

    def __init__(self, consult: dict[str, object]) -> None:
        super().__init__()
        self._asks = [Turn(tone=Tone(AGENT, 300), calls=(_function(consult),))]
        self.briefing = [Turn(tone=Tone(BRIEFING, 800))]

    async def answer(self, context: Context) -> Turn:
        if "The caller has hung up" in (context.asked or ""):
            return Turn(tone=Tone(EXCUSE, 400))
        if "colleague" in context.instructions:
            return self.briefing.pop(0) if self.briefing else Turn()
        return self._asks.pop() if self._asks else Turn(tone=Tone(AGENT, 300))


def _function(turn: dict[str, object]) -> FunctionCall:
    call = turn["call"]
    assert isinstance(call, dict)
    return FunctionCall(call["name"], json.dumps(call["arguments"]))


class Consultation:
    """A caller, an agent that consults somebody, and that somebody's telephone."""

    def __init__(
        self, talk: Talks, switch: RealSwitch, ann: Telephone, briefing: tuple[Turn, ...], timeout_s: float = 20
    ) -> None:
        self.switch = switch
        dial = f"sofia/test/ann@{ann.address}"
        self.model = Model(do("consult", dial_string=dial, briefing="A caller wants a cake.", timeout_s=timeout_s))
        if briefing:
            self.model.briefing = list(briefing)
        self.ann = ann
        self.talk = talk
        self.call, self.endpoint = talk(agent=self.model, variables=HOLD_MUSIC, parameters="patience=3")
        self.call.party.repeat(tone(CALLER, 1000, 8000))

    def other(self) -> TelephoneCall:
        other = self.ann.wait_call().wait_answered()
        other.party.repeat(tone(OTHER, 1000, 8000))
        return other

    def wait_talking_again(self) -> None:
        """The agent is with the caller again, and nothing of the consultation was heard there."""
        wait_tone(self.call.party, AGENT, 500)
        self.check_caller_heard_no_briefing()

    def check_caller_heard_no_briefing(self) -> None:
        """To the sample: what is heard there, but greeting, answer and music, is silence."""
        audio = self.call.party.audio()
        for hertz in (BRIEFING, EXCUSE, OTHER):
            assert sounded_ms(audio, hertz) == 0, f"{hertz} Hz"

    def wait_nothing_left(self) -> None:
        self.switch.wait_until(lambda: self.switch.session_count() == 0)


MakeConsultation = Callable[..., Consultation]


@pytest.fixture
def consultation(talk: Talks, switch: RealSwitch, make_telephone: Callable[[], Telephone]) -> MakeConsultation:
    def make(*briefing: Turn, called: Act = TelephoneCall.answer, **options: float) -> Consultation:
        ann = make_telephone()
        ann.called = called
        return Consultation(talk, switch, ann, briefing, **options)

    return make


def test_a_party_that_agrees_is_connected_and_nothing_was_heard_across_before(consultation: MakeConsultation) -> None:
    it = consultation(Turn(tone=Tone(BRIEFING, 800), calls=(ACCEPT,)))
    other = it.other()
    wait_tone(it.call.party, OTHER)
    wait_tone(other.party, CALLER)
    it.talk.wait_notes(["helper", "transferred"])
    assert '"telephone" <sip:telephone@' in other.requests[0].header("From"), "it does not see who calls"
    heard, there = it.call.party.audio(), other.party.audio()
    assert sounded_ms(heard, MUSIC) >= 500
    assert sounded_ms(heard, BRIEFING) == 0
    assert sounded_ms(there, BRIEFING) == pytest.approx(800, abs=20)
    assert sounded_ms(there, MUSIC) == sounded_ms(there, AGENT) == 0
    # Nothing of the caller there while the briefing lasted.
    last = max(at for at in range(0, len(there) - 159, 160) if sounded_ms(there[at : at + 160], BRIEFING))
    assert sounded_ms(there[:last], CALLER) == 0
    # And no music any more once they talk.
    since = len(it.call.party.received)
    assert sounded_ms(wait_tone(it.call.party, OTHER, 400, since), MUSIC) == 0
    # As behind a bridge, the dialplan goes on once they have talked.
    other.hang_up()
    wait_tone(it.call.party, BEHIND)


@pytest.mark.parametrize(
    ("called", "outcome"),
    [(declines(486), "no_answer"), (declines(603), "declined"), (declines(404), "no_answer"), (rings, "no_answer")],
    ids=["busy", "declines", "unreachable", "does not answer"],
)
def test_a_party_that_is_not_reached(consultation: MakeConsultation, called: Act, outcome: str) -> None:
    it = consultation(called=called, timeout_s=1)
    assert wait_outputs(it.endpoint) == [f"Consult.{outcome}"]
    it.wait_talking_again()
    if called is rings:
        it.ann.calls[0].wait_request("CANCEL")
    it.switch.wait_until(lambda: it.switch.session_count() == 1)


def test_a_party_that_declines_in_the_talk(consultation: MakeConsultation) -> None:
    it = consultation(Turn(tone=Tone(BRIEFING, 500), calls=(DECLINE,)))
    other = it.other()
    assert "Consult.declined" in wait_outputs(it.endpoint, 2)
    it.wait_talking_again()
    other.wait_end()
    assert sounded_ms(other.party.audio(), BRIEFING) == pytest.approx(500, abs=20)


def test_a_party_that_hangs_up_in_the_midst(consultation: MakeConsultation) -> None:
    it = consultation(Turn(tone=Tone(BRIEFING, 5000)))
    other = it.other()
    wait_tone(other.party, BRIEFING)
    other.hang_up()
    assert "Consult.hung_up" in wait_outputs(it.endpoint)
    it.wait_talking_again()


def test_a_caller_who_hangs_up_in_the_midst_of_the_briefing(consultation: MakeConsultation) -> None:
    it = consultation(Turn(tone=Tone(BRIEFING, 1000)))
    other = it.other()
    wait_tone(other.party, BRIEFING)
    it.call.hang_up()
    other.wait_end()
    assert sounded_ms(other.party.audio(), EXCUSE) == pytest.approx(400, abs=20)
    it.check_caller_heard_no_briefing()
    it.wait_nothing_left()
    it.talk.wait_notes(["helper", "caller"])


def test_a_caller_who_hangs_up_while_it_rings(consultation: MakeConsultation) -> None:
    it = consultation(called=rings, timeout_s=60)
    other = it.ann.wait_call()
    it.call.hang_up()
    other.wait_request("CANCEL")
    it.wait_nothing_left()


def test_a_session_that_is_lost_goes_on_with_the_briefing(consultation: MakeConsultation) -> None:
    it = consultation(Turn(tone=Tone(BRIEFING, 3000)), Turn(tone=Tone(BRIEFING, 300), calls=(ACCEPT,)))
    other = it.other()
    wait_tone(other.party, BRIEFING)
    it.endpoint.call(drop_briefing)
    wait_tone(it.call.party, OTHER)
    wait_tone(other.party, CALLER)
    assert sounded_ms(it.call.party.audio(), BRIEFING) == 0


def test_an_endpoint_that_stays_away_gives_the_caller_back(consultation: MakeConsultation, talk: Talks) -> None:
    it = consultation(Turn(tone=Tone(BRIEFING, 3000)))
    other = it.other()
    wait_tone(other.party, BRIEFING)

    def away(server: LocalEndpoint) -> None:
        server.behaviour = Behaviour(refuse_status=503)
        drop_briefing(server)

    it.endpoint.call(away)
    (output,) = wait_outputs(it.endpoint)
    assert output.startswith("CallError")
    other.wait_end()
    it.wait_talking_again()


def test_an_agent_whose_process_dies_in_the_midst_leaves_nobody_behind(
    consultation: MakeConsultation, engine: EngineProcess
) -> None:
    it = consultation(Turn(tone=Tone(BRIEFING, 20_000)))
    other = it.other()
    wait_tone(other.party, BRIEFING)
    (pid,) = [pid for pid in engine.children if "pydantic_core" in Path(f"/proc/{pid}/maps").read_text()]
    os.kill(pid, signal.SIGKILL)
    other.wait_end()
    it.wait_talking_again()


def drop_briefing(server: LocalEndpoint) -> None:
    """The session with the other party, which was the second."""
    server.live(1).drop()
