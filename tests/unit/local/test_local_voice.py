import numpy as np
import pytest

from mod_openai_realtime.local import parts
from mod_openai_realtime.local.voice import HibariVoice, hibari


async def test_a_text_is_spoken_once_and_kept() -> None:
    first = await hibari().speak("Good morning.", 24000)
    assert await hibari().speak("Good morning.", 24000) is first
    assert 0.3 < len(first) / 24000 < 3
    assert np.abs(first).max() > 2000


async def test_speech_at_8_khz_lasts_as_long() -> None:
    wide, narrow = await hibari().speak("Good morning.", 24000), await hibari().speak("Good morning.", 8000)
    assert abs(len(wide) / 3 - len(narrow)) <= 1


def test_a_missing_part_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(
        parts.MissingPartsError, match=r"nowhere_to_be_found.*pip install 'mod-openai-realtime\[local\]'"
    ):
        parts.require("nowhere_to_be_found", "tests")


def test_a_text_that_was_warmed_is_there_when_it_is_to_be_said() -> None:
    voice = hibari()
    voice.warm(["It is nearly noon."], (24000, 8000))
    voice.speak_now("What comes after waits for it.")
    assert {("It is nearly noon.", rate, 1.0) for rate in (24000, 8000)} <= set(voice._spoken)


def test_a_process_that_ends_does_not_wait_for_what_was_to_be_warmed() -> None:
    voice = HibariVoice()
    voice.warm(f"Number {number} of many." for number in range(200))
    voice.warm_no_more()
    voice.speak_now("The last word.")
    assert len(voice._spoken) < 10
