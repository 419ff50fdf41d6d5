"""When a caller's sound is a barge-in: frames and a clock that the test has, and what follows for the agent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mod_openai_realtime.audio.caller_voice import FRAME_MS, VoiceFrame
from mod_openai_realtime.conversation.confirmation import (
    ALARM_MS,
    FIRST_MS,
    LAST_MS,
    LONGEST_MS,
    NEED_MS,
    OVER_MS,
    Act,
    Confirmation,
)

LINE = VoiceFrame(-62.0, 0.2, 40)
HISS = VoiceFrame(-25.0, 0.25, 31)
TONE = VoiceFrame(-20.0, 0.99, 57)
FAINT = VoiceFrame(-75.0, 0.1, 33)


def speech(number: int) -> VoiceFrame:
    """Syllables: of six frames one has no voice, and the pitch moves."""
    return VoiceFrame(-22.0 - 4 * (number % 3), 0.3 if number % 6 == 5 else 0.8, 60 + 3 * (number % 7))


SPEECH = [speech(number) for number in range(1000)]


class Call:
    """The agent answers; frames are heard in pairs, as they are looked at."""

    def __init__(self, *, interruptible: bool = True) -> None:
        self.confirmation = Confirmation()
        self.now_ms = 1_000_000.0
        self.interruptible = interruptible

    def starts(self, before: Sequence[VoiceFrame] = (LINE,) * 50) -> Act | None:
        return self.confirmation.speech_started(before, self.now_ms, interruptible=self.interruptible)

    def hears(self, frames: Sequence[VoiceFrame]) -> tuple[Act, int] | None:
        """The first act, and after how many ms."""
        for at in range(0, len(frames), 2):
            self.now_ms += 2 * FRAME_MS
            act = self.confirmation.heard(frames[at : at + 2], self.now_ms, interruptible=self.interruptible)
            if act is not None:
                return act, (at + 2) * FRAME_MS
        return None

    def passes(self, ms: int) -> tuple[Act, int] | None:
        """The caller's side sends nothing."""
        for waited in range(40, ms + 1, 40):
            self.now_ms += 40
            act = self.confirmation.heard((), self.now_ms, interruptible=self.interruptible)
            if act is not None:
                return act, waited
        return None


@pytest.fixture
def call() -> Call:
    return Call()


def test_the_agent_waits_as_soon_as_the_server_hears_the_caller(call: Call) -> None:
    assert call.starts() is Act.WAIT


def test_who_goes_on_speaking_interrupts_between_500_ms_and_a_second(call: Call) -> None:
    call.starts()
    decided = call.hears(SPEECH)
    assert decided is not None and decided[0] is Act.STOP and FIRST_MS <= decided[1] <= LAST_MS
    assert not call.confirmation.listening
    assert call.hears(SPEECH) is None


def test_a_short_word_is_none_and_the_agent_goes_on_once_it_is_over(call: Call) -> None:
    call.starts()
    assert call.hears(SPEECH[:10]) is None
    decided = call.hears([LINE] * 100)
    assert decided is not None and decided[0] is Act.GO_ON and OVER_MS <= decided[1] <= OVER_MS + 40


@pytest.mark.parametrize("sound", [HISS, TONE], ids=["noise", "tone"])
def test_what_lasts_and_is_no_voice_is_none(call: Call, sound: VoiceFrame) -> None:
    call.starts()
    assert call.hears([sound] * 100) == (Act.GO_ON, LAST_MS)
    assert call.hears([sound] * 1000) is None


def test_the_servers_word_is_enough_where_the_sound_is_over(call: Call) -> None:
    call.starts()
    call.hears(SPEECH[:10])
    assert call.confirmation.speech_stopped(call.now_ms) is Act.GO_ON
    assert not call.confirmation.listening


def test_what_is_too_faint_for_us_is_the_servers_to_judge(call: Call) -> None:
    call.starts()
    assert call.hears([FAINT] * 100) == (Act.STOP, LAST_MS)
    assert not call.confirmation.listening


def test_a_telephone_that_sends_nothing_in_pauses_is_quiet_then(call: Call) -> None:
    call.starts()
    call.hears(SPEECH[:8])
    decided = call.passes(1000)
    assert decided is not None and decided[0] is Act.GO_ON and decided[1] <= OVER_MS + 40


def test_where_nothing_at_all_is_captured_the_server_judges(call: Call) -> None:
    call.starts(before=())
    assert call.passes(2000) == (Act.STOP, LAST_MS)


def test_speech_in_noise_is_speech(call: Call) -> None:
    loud = VoiceFrame(-38.0, 0.2, 35)
    call.starts(before=[loud] * 50)
    assert (call.hears(SPEECH) or (None,))[0] is Act.STOP


def test_what_was_heard_before_the_server_noticed_counts(call: Call) -> None:
    early, late = Call(), Call()
    early.starts(before=[LINE] * 45 + SPEECH[:5])
    late.starts(before=[LINE] * 50)
    words = SPEECH[5:25] + [LINE] * 8
    assert early.hears(words) == (Act.STOP, FIRST_MS + FRAME_MS)
    assert late.hears(words) is None


def test_a_sound_that_was_over_before_the_server_noticed_is_none(call: Call) -> None:
    call.starts(before=[LINE] * 40 + [HISS] * 5 + [LINE] * 15)
    assert call.hears([LINE] * 50) == (Act.GO_ON, 2 * FRAME_MS)


def test_who_begins_again_after_a_cough_is_heard(call: Call) -> None:
    call.starts()
    assert (call.hears([HISS] * 10 + [LINE] * 20) or (None,))[0] is Act.GO_ON
    waits = call.hears(SPEECH)
    assert waits is not None and waits[0] is Act.WAIT and waits[1] <= 2 * NEED_MS
    assert (call.hears(SPEECH) or (None,))[0] is Act.STOP


def test_after_false_alarms_there_has_to_be_more_of_a_voice_before_the_agent_waits_again(call: Call) -> None:
    waited = []
    for _ in range(5):
        call.starts()
        if not call.confirmation.waiting:
            found = call.hears(SPEECH)
            assert found is not None and found[0] is Act.WAIT
            waited.append(found[1])
        assert (call.hears([HISS] * 10 + [LINE] * 40) or (None,))[0] is Act.GO_ON
        call.confirmation.speech_stopped(call.now_ms)
    assert len(waited) == 3 and waited == sorted(waited) and waited[-1] >= 3 * waited[0]


def test_false_alarms_are_forgotten(call: Call) -> None:
    for _ in range(3):
        call.starts()
        call.hears([HISS] * 10 + [LINE] * 40)
        call.confirmation.speech_stopped(call.now_ms)
    assert call.starts() is None
    call.confirmation.speech_stopped(call.now_ms)
    call.now_ms += ALARM_MS
    assert call.starts() is Act.WAIT


def test_an_answer_that_may_not_be_interrupted_goes_on_and_one_behind_it_waits() -> None:
    call = Call(interruptible=False)
    assert call.starts() is None
    assert call.hears(SPEECH[:100]) is None
    call.interruptible = True
    assert (call.hears(SPEECH[100:]) or (None,))[0] is Act.WAIT


def test_a_loss_of_the_connection_lets_the_agent_go_on(call: Call) -> None:
    call.starts()
    assert call.confirmation.lost() is Act.GO_ON
    assert call.confirmation.lost() is None


def test_a_server_that_never_tells_the_end_is_not_listened_for_for_ever(call: Call) -> None:
    call.starts()
    call.hears([HISS] * 10 + [LINE] * 20)
    call.now_ms += LONGEST_MS
    call.hears([LINE] * 2)
    assert not call.confirmation.listening


def test_a_second_word_of_the_server_changes_nothing_while_the_agent_waits(call: Call) -> None:
    call.starts()
    call.hears(SPEECH[:10])
    assert call.starts() is None
    assert (call.hears(SPEECH[10:]) or (None,))[0] is Act.STOP


def test_soft_speech_on_a_quiet_line_is_speech(call: Call) -> None:
    call.starts()
    soft = [VoiceFrame(each.level_db - 20, each.periodicity, each.period) for each in SPEECH]
    decided = call.hears(soft)
    assert decided is not None and decided[0] is Act.STOP and decided[1] < LAST_MS


def test_of_what_was_heard_before_the_server_noticed_only_the_last_counts(call: Call) -> None:
    call.starts(before=SPEECH[:50])
    assert call.hears(SPEECH[50:69] + [LINE] * 8) is None


def test_what_still_sounded_when_the_server_noticed_is_over_only_later(call: Call) -> None:
    call.starts(before=[LINE] * 40 + SPEECH[:10])
    decided = call.hears([LINE] * 50)
    assert decided is not None and decided[0] is Act.GO_ON and OVER_MS <= decided[1] <= OVER_MS + 40


def test_what_had_just_been_over_when_the_server_noticed_is_over_so_much_sooner(call: Call) -> None:
    call.starts(before=[LINE] * 30 + [HISS] * 10 + [LINE] * 8)
    assert call.hears([LINE] * 50) == (Act.GO_ON, OVER_MS - 8 * FRAME_MS)


def test_music_with_a_voice_in_it_is_none(call: Call) -> None:
    notes = [VoiceFrame(-20.0, 0.9, 50 + 7 * (number // 2 % 5)) for number in range(100)]
    call.starts()
    assert call.hears(notes) == (Act.GO_ON, LAST_MS)


def test_what_was_heard_in_a_turn_before_says_nothing_of_this_one(call: Call) -> None:
    call.starts()
    assert call.hears(SPEECH[:24]) is None
    call.confirmation.speech_stopped(call.now_ms)
    call.starts()
    assert call.hears([HISS] * 100) == (Act.GO_ON, LAST_MS)


def test_waits_that_the_server_ends_are_false_alarms_too(call: Call) -> None:
    for _ in range(2):
        assert call.starts() is Act.WAIT
        call.hears(SPEECH[:10])
        call.confirmation.speech_stopped(call.now_ms)
    assert call.starts() is None


def test_what_did_not_convince_does_not_have_the_agent_wait_again(call: Call) -> None:
    call.starts()
    assert call.hears(SPEECH[:12] + [HISS] * 60) == (Act.GO_ON, LAST_MS)
    assert call.hears([HISS] * 60) is None


def test_words_with_pauses_between_them_do_not_add_up(call: Call) -> None:
    call.starts()
    assert (call.hears([HISS] * 10 + [LINE] * 20) or (None,))[0] is Act.GO_ON
    assert call.hears((SPEECH[:4] + [LINE] * 20) * 4) is None
