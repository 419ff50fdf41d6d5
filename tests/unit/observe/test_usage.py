"""Tokens and seconds, as servers tell of them."""

from __future__ import annotations

import pytest

from mod_openai_realtime.observe.usage import KINDS, Usage

# The shape of the service's own documentation.
RESPONSE = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}


def counted(usage: Usage) -> dict[str, float]:
    return {kind: count for kind, count in usage.report().items() if count}


def test_a_responses_tokens_are_summed_by_kind() -> None:
    usage = Usage()
    usage.response(RESPONSE)
    usage.response(RESPONSE)
    assert counted(usage) == {
        "input_tokens": 264,
        "input_text_tokens": 238,
        "input_audio_tokens": 26,
        "cached_tokens": 128,
        "cached_text_tokens": 120,
        "cached_audio_tokens": 8,
        "output_tokens": 242,
        "output_text_tokens": 60,
        "output_audio_tokens": 182,
    }


def test_a_transcription_counts_tokens_or_seconds_apart_from_responses() -> None:
    usage = Usage()
    details = {"text_tokens": 0, "audio_tokens": 17}
    usage.transcription(
        {"type": "tokens", "total_tokens": 22, "input_tokens": 17, "input_token_details": details, "output_tokens": 5}
    )
    usage.transcription({"type": "duration", "seconds": 1.25})
    usage.transcription({"type": "duration", "seconds": 3})
    assert counted(usage) == {
        "transcription_input_tokens": 17,
        "transcription_audio_tokens": 17,
        "transcription_output_tokens": 5,
        "transcription_seconds": 4.25,
    }


def test_both_spellings_of_the_details_are_understood() -> None:
    usage = Usage()
    usage.response({"input_tokens_details": {"cached_tokens": 3}, "output_tokens_details": {"text_tokens": 4}})
    assert counted(usage) == {"cached_tokens": 3, "output_text_tokens": 4}


@pytest.mark.parametrize(
    "claim",
    [
        None,
        [],
        "many",
        {"input_tokens": None, "output_tokens": "3"},
        {"input_tokens": -1, "output_tokens": 1 << 60},
        {"input_tokens": float("nan"), "output_tokens": float("inf"), "seconds": float("nan")},
        {"input_tokens": [7], "output_tokens": {"text_tokens": 7}},
        {"input_tokens": True, "output_tokens": 1.5},
        {"input_token_details": [1], "output_token_details": {"text_tokens": {}}},
        {"seconds": True},
        {"seconds": -1},
        {"seconds": 1e300},
    ],
)
def test_what_is_no_count_is_passed_over(claim: object) -> None:
    usage = Usage()
    usage.response(claim)
    usage.transcription(claim)
    assert counted(usage) == {}


def test_sums_stay_whole_numbers_of_every_reader_of_json() -> None:
    usage = Usage()
    usage.counts["input_tokens"] = (1 << 53) - 3
    usage.response({"input_tokens": 7})
    assert usage.counts["input_tokens"] == (1 << 53) - 1


def test_what_a_stream_adds_its_worker_adds_too() -> None:
    whole = Usage()
    one, other = Usage(whole), Usage(whole)
    one.response({"input_tokens": 3})
    other.response({"input_tokens": 4})
    assert (counted(one), counted(whole)) == ({"input_tokens": 3}, {"input_tokens": 7})


def test_every_kind_is_in_every_report() -> None:
    assert len(Usage().report()) == len(KINDS)
