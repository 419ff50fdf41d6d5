"""Hold, digits, own audio, variables, and anything else that FreeSWITCH can do."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent.talk import TONE, Talks, do, wait_outputs
from audio.files import write_wav
from audio.tones import tone
from freeswitch import RealSwitch
from sip.hearing import sounded_ms, wait_tone

MUSIC, CALLER = 800, 1900  # Hz


def test_on_hold_the_model_hears_nothing_and_the_caller_music(talk: Talks) -> None:
    call, endpoint = talk(
        do("hold"), TONE, do("unhold"), TONE, variables=f"hold_music=tone_stream://%(60000,0,{MUSIC})"
    )
    wait_outputs(endpoint)
    wait_tone(call.party, MUSIC)
    before = endpoint.call(lambda it: it.connections[0].received_audio_bytes)
    since = len(call.party.received)
    call.party.repeat(tone(CALLER, 1000, 8000))
    heard = wait_tone(call.party, MUSIC, 600, since)
    assert sounded_ms(heard, 440) == 0
    assert endpoint.call(lambda it: it.connections[0].received_audio_bytes) == before
    # A key makes the model go on: what it said on hold is heard behind it.
    call.party.press("1#")
    wait_outputs(endpoint, 2)
    wait_tone(call.party, 440)
    endpoint.wait_for(lambda it: it.connections[0].received_audio_bytes > before, 20)


def test_a_hangup_on_hold_does_not_wait_for_what_cannot_be_heard(talk: Talks) -> None:
    call, _ = talk(do("hold"), {"tone_hz": 440, "ms": 9000, **do("hang_up")})
    call.wait_end(10)
    assert sounded_ms(call.party.audio(), 440) == 0
    talk.wait_notes(["helper", "hang_up"])


def test_digits_are_sent_whole_before_anything_else_is_done(talk: Talks) -> None:
    digits = do("send_digits", digits="0123456789*#")
    call, endpoint = talk(digits, do("hang_up"))
    call.wait_end()
    assert call.digits == "0123456789*#"
    assert wait_outputs(endpoint)[0] == "None"


def test_digits_to_a_telephone_that_knows_no_events_go_by_sip(talk: Talks) -> None:
    call, _ = talk(do("send_digits", digits="42"), TONE, telephone={"events": False})
    info = call.wait_request("INFO")
    assert "Signal=4" in info.body


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000])
def test_own_audio_of_any_rate_is_heard_exactly(talk: Talks, tmp_path: Path, rate: int) -> None:
    path = tmp_path / "chime.wav"
    write_wav(path, tone(700, 400, rate), rate)
    call, endpoint = talk(do("play", audio=str(path)), TONE)
    assert wait_outputs(endpoint) == ["Heard(text='', ms=400, interrupted=False)"]
    heard = wait_tone(call.party, 440)
    assert sounded_ms(heard, 700) == pytest.approx(400, abs=20)


def test_own_audio_that_there_is_not(talk: Talks) -> None:
    call, endpoint = talk(do("play", audio="/nowhere/x.wav"), TONE)
    assert wait_outputs(endpoint) == ["CallError: No such file or directory"]
    wait_tone(call.party, 440)


def test_variables_and_commands(talk: Talks, switch: RealSwitch) -> None:
    call, endpoint = talk(
        do("set_variable", name="mood", value="good, and 'quoted'"),
        do("variable", name="mood"),
        do("variable", name="never_set"),
        do("api", command="uuid_exists", arguments="none"),
        do("api", command="uuid_kill", arguments="none"),
        do("api", command="no_such_command"),
        do("execute", application="no_such_application"),
        do("hang_up"),
    )
    call.wait_end()
    assert wait_outputs(endpoint, 7)[:7] == [
        "None",
        "good, and 'quoted'",
        "None",
        "false",
        "CallError: No such channel!",
        "CallError: INVALID COMMAND!",
        "CallError: Unknown application",
    ]
