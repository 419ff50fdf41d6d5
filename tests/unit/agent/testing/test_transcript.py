"""What was heard, compared with what was to be heard."""

import pytest

from mod_openai_realtime.agent.testing.transcript import Utterance, cut, find

HEARD = ["Good morning, this is the bakery!", "We open at seven.", "At seven o'clock."]


@pytest.mark.parametrize(
    ("wanted", "since", "end"),
    [
        ("good MORNING", 0, 2),
        ("the bakery. We open", 0, 8),
        ("at seven", 0, 10),
        ("at seven", 10, 12),
        ("at seven", 12, None),
        ("sev", 0, None),
        ("good morning", 2, None),
        ("", 0, 0),
    ],
)
def test_whole_words_are_found_behind_those_before(wanted: str, since: int, end: int | None) -> None:
    assert find(wanted, HEARD, since) == end


@pytest.mark.parametrize(
    ("heard_ms", "text"),
    [(0, ""), (500, "one"), (540, "one two"), (650, "one two"), (1000, "one two three"), (2000, "one two three")],
)
def test_what_was_cut_ends_with_a_whole_word(heard_ms: int, text: str) -> None:
    assert cut("one two three", heard_ms, 1000) == text


def test_what_was_cut_is_told_with_what_it_was_of() -> None:
    told = Utterance("one two", 3.0, True, 2.0, "one two three").told()
    assert told == "“one two”, and was cut off at 3.0 s, of “one two three”"
