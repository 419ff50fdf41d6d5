"""Where a call goes: another extension, another telephone, another party, its end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agent.talk import TONE, Talks, do, wait_outputs
from audio.tones import tone
from freeswitch import RealSwitch
from sip.hearing import sounded_ms, wait_tone
from sip.telephone import Telephone, TelephoneCall, declines, progresses

MakeTelephone = Callable[[], Telephone]


def at(telephone: Telephone, variables: str = "") -> str:
    """The dial string of a telephone."""
    return f"{variables}sofia/test/ann@{telephone.address}"


def wait_no_agent(switch: RealSwitch, call: TelephoneCall) -> None:
    switch.wait_until(lambda: switch.api(f"uuid_openai_agent {call.uuid} list") == "+OK []")


# -- hang-up


def test_a_hangup_has_its_cause(talk: Talks) -> None:
    call, _ = talk({**TONE, **do("hang_up", cause="USER_BUSY")})
    assert "cause=17" in call.wait_request("BYE").header("Reason")
    assert sounded_ms(call.party.audio(), 440) == pytest.approx(600, abs=20)
    talk.wait_notes(["helper", "hang_up"])


def test_now_does_not_wait_for_the_goodbye(talk: Talks) -> None:
    call, _ = talk({"tone_hz": 440, "ms": 9000, **do("hang_up", when="now")})
    call.wait_end()
    assert sounded_ms(call.party.audio(), 440) < 8000
    talk.wait_notes(["helper", "hang_up"])


# -- transfer


def test_a_transfer_with_another_dialplan(talk: Talks, switch: RealSwitch) -> None:
    call, _ = talk({**TONE, **do("transfer", extension="m:^:playback:tone_stream://%(9000,0,700)", dialplan="inline")})
    wait_tone(call.party, 700)
    assert sounded_ms(call.party.audio(), 440) == pytest.approx(600, abs=20)
    talk.wait_notes(["helper", "transferred"])


def test_somebody_else_transfers_the_call(talk: Talks, switch: RealSwitch) -> None:
    call, _ = talk(TONE)
    wait_tone(call.party, 440)
    switch.api(f"uuid_transfer {call.uuid} tone-1000 XML default")
    wait_tone(call.party, 1000)
    talk.wait_notes(["helper", "transferred"])


# -- refer


@pytest.mark.parametrize("refer", [(202, 100, 200), (202, 200), (202, -1)], ids=["notifies", "at once", "hangs up"])
def test_a_telephone_that_is_referred_goes_elsewhere(talk: Talks, refer: tuple[int, ...]) -> None:
    call, _ = talk({**TONE, **do("refer", uri="sip:1001@example.com")}, telephone={"refer": refer})
    assert call.wait_request("REFER").header("Refer-To") == "<sip:1001@example.com>"
    call.wait_end()
    assert sounded_ms(call.party.audio(), 440) == pytest.approx(600, abs=20)
    talk.wait_notes(["helper", "transferred"])


@pytest.mark.parametrize(
    ("refer", "why"),
    [((202, 404), "404"), ((603,), "603"), ((405,), "405")],
    ids=["nobody there", "declines", "not able to"],
)
def test_a_telephone_that_does_not_go_stays_with_the_agent(
    talk: Talks, switch: RealSwitch, refer: tuple[int, ...], why: str
) -> None:
    call, endpoint = talk(do("refer", uri="sip:1001@example.com"), TONE, telephone={"refer": refer})
    (output,) = wait_outputs(endpoint)
    assert output.startswith("CallError") and why in output
    wait_tone(call.party, 440)
    # FreeSWITCH may know the dialog no more once a NOTIFY has ended the subscription: it would not take a BYE.
    switch.api(f"uuid_kill {call.uuid}")


# -- bridge


def test_a_bridge_ends_the_agent_and_the_dialplan_goes_on_behind_it(
    talk: Talks, switch: RealSwitch, make_telephone: MakeTelephone
) -> None:
    ann = make_telephone()
    call, _ = talk({**TONE, **do("bridge", dial_string=at(ann))})
    other = ann.wait_call().wait_answered()
    other.party.repeat(tone(700, 1000, 8000))
    call.party.repeat(tone(1900, 1000, 8000))
    wait_tone(call.party, 700)
    wait_tone(other.party, 1900)
    talk.wait_notes(["helper", "transferred"])
    assert sounded_ms(call.party.audio(), 440) == pytest.approx(600, abs=20)
    assert sounded_ms(other.party.audio(), 440) == 0
    other.hang_up()
    wait_tone(call.party, 1000)
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "stopped"


def test_an_agent_that_listens_to_a_bridge_takes_over_again(
    talk: Talks, switch: RealSwitch, make_telephone: MakeTelephone
) -> None:
    ann = make_telephone()
    call, endpoint = talk(do("bridge", dial_string=at(ann), listen=True), TONE, variables="hangup_after_bridge=true")
    other = ann.wait_call().wait_answered()
    other.party.repeat(tone(700, 1000, 8000))
    wait_tone(call.party, 700)
    heard = endpoint.call(lambda it: it.connections[0].received_audio_bytes)
    endpoint.wait_for(lambda it: it.connections[0].received_audio_bytes > heard + 24_000, 20)
    assert sounded_ms(call.party.audio(), 440) == 0
    other.hang_up()
    assert wait_outputs(endpoint) == ["None"]
    wait_tone(call.party, 440)
    call.hang_up()
    talk.wait_notes(["helper", "caller"])


@pytest.mark.parametrize(
    ("does", "why"),
    [(declines(486), "USER_BUSY"), (declines(603), "CALL_REJECTED"), (progresses(486), "USER_BUSY")],
    ids=["busy", "declined", "busy after early media"],
)
def test_a_bridge_to_somebody_who_does_not_answer_fails_and_the_conversation_goes_on(
    talk: Talks, make_telephone: MakeTelephone, does: Callable[[TelephoneCall], object], why: str
) -> None:
    ann = make_telephone()
    ann.called = does
    call, endpoint = talk(do("bridge", dial_string=at(ann)), TONE)
    assert wait_outputs(endpoint) == [f"CallError: {why}"]
    wait_tone(call.party, 440)


def test_a_caller_who_hangs_up_while_a_bridge_rings(talk: Talks, make_telephone: MakeTelephone) -> None:
    ann = make_telephone()
    ann.called = lambda call: None
    call, _ = talk(do("bridge", dial_string=at(ann)))
    other = ann.wait_call()
    call.hang_up()
    other.wait_request("CANCEL")
    talk.wait_notes(["helper", "caller"])


# -- several at once


def test_of_two_actions_at_once_the_first_is_carried_out(talk: Talks) -> None:
    both = [do("transfer", extension="tone-1000")["call"], do("hang_up")["call"]]
    call, _ = talk({**TONE, "call": both})
    wait_tone(call.party, 1000)
    talk.wait_notes(["helper", "transferred"])
