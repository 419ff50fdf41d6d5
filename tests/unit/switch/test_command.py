"""The command grammar, against a corpus and against a model of it."""

import dataclasses
import json
import re
import tracemalloc
from pathlib import Path

import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.switch import reasons
from mod_openai_realtime.switch.command import CommandError, Direction, Mix, SendJson, Start
from mod_openai_realtime.switch.stream_verbs import parse_command

DATA = Path(__file__).resolve().parents[2] / "data" / "command"
VALID = json.loads((DATA / "valid.json").read_text())
INVALID = json.loads((DATA / "invalid.json").read_text())
ALL_REASONS = {text for name, text in vars(reasons).items() if name.isupper()}
URI = "wss://example.com/?token=hush-hush"
PAYLOAD = "aHVzaC1odXNo"


@pytest.mark.parametrize(("arguments", "expected"), VALID, ids=[row[0][:70] for row in VALID])
def test_a_valid_command_means_what_the_contract_says(arguments: str, expected: dict[str, object]) -> None:
    command = parse_command(arguments)

    assert {"type": type(command).__name__, **dataclasses.asdict(command)} == expected


@pytest.mark.parametrize(("arguments", "reply"), INVALID, ids=[row[0][:70] for row in INVALID])
def test_an_invalid_command_is_answered_with_its_reason(arguments: str, reply: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(arguments)

    assert caught.value.reply() == reply


def test_every_reason_of_the_grammar_has_an_invalid_command() -> None:
    told = {reply.removeprefix("-ERR ").split(" [stream=")[0] for _, reply in INVALID}

    grammar = vars(reasons)
    assert told == {
        grammar[name]
        for name in grammar
        if name.startswith(
            ("EXPECTED", "TOO_MANY", "UNKNOWN", "ONE_", "INVALID_", "START_", "UNEXPECTED", "PAUSE_", "BREAK_")
        )
        or name in ("STOP_TAKES_ONE_PAYLOAD", "SEND_JSON_NEEDS_ONE_PAYLOAD", "MUTE_TAKES_ONE_TARGET")
        or name == "LIST_TAKES_ONLY_SELECTOR"
    }


@pytest.mark.parametrize("arguments", [f"start {URI} mono", f"stop {PAYLOAD}", f"send_json {PAYLOAD}"])
def test_the_repr_of_a_command_shows_neither_uri_nor_payload(arguments: str) -> None:
    shown = repr(parse_command(arguments))

    assert "hush" not in shown and PAYLOAD not in shown


def test_a_long_payload_is_taken_whole() -> None:
    payload = "e30" * 1_000_000

    assert parse_command(f"send_json {payload}").payload == payload  # type: ignore[union-attr]


SPELLINGS = {rate: [str(rate)] for rate in range(8000, 48001, 8000)}
for _rate in (8000, 16000, 24000):
    SPELLINGS[_rate].append(f"{_rate // 1000}k")


@st.composite
def starts(draw: st.DrawFn) -> tuple[str, Start]:
    """The text of a valid `start`, put together from what it is to mean."""
    direction = draw(st.sampled_from(Direction))
    name = draw(st.none() | st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True))
    captures, plays = direction is not Direction.RECV, direction is not Direction.SEND
    mix = draw(st.sampled_from(Mix)) if captures else None
    send_rate = draw(st.none() | st.sampled_from(sorted(SPELLINGS))) if captures else None
    # Rates are told apart by place: without the first of two, there is no second.
    has_playback_rate = plays and (not captures or send_rate is not None)
    playback_rate = draw(st.none() | st.sampled_from(sorted(SPELLINGS))) if has_playback_rate else None
    rates = [draw(st.sampled_from(SPELLINGS[rate])) for rate in (send_rate, playback_rate) if rate is not None]
    mute_user = captures and draw(st.booleans())
    words = [mix.value] if mix is not None else []
    words += [*rates, *["mute_user"] * mute_user]
    if direction is not Direction.BOTH or draw(st.booleans()):
        words.insert(draw(st.integers(0, len(words))), direction.value)
    words.insert(0, URI)
    if name is not None:
        words.insert(draw(st.integers(0, len(words))), f"stream={name}")
    start = Start(
        stream=name or "default",
        explicit=name is not None,
        uri=URI,
        mix=mix,
        direction=direction,
        send_rate=(send_rate or 24000) if captures else None,
        playback_rate=(playback_rate or 24000) if plays else None,
        mute_user=mute_user,
    )
    return " ".join(["start", *words]), start


@given(starts())
@examples(150)
def test_a_start_put_together_by_the_grammar_parses_to_its_meaning(case: tuple[str, Start]) -> None:
    text, start = case

    assert parse_command(text) == start


WORDS = st.sampled_from(
    [
        *("start", "START", "stop", "pause", "resume", "break", "mute", "unmute", "send_json", "list"),
        *("mono", "stereo", "both", "send", "recv", "user", "all", "mute_user"),
        *("8k", "24000", "8000", "44100", "+8k", "'", "''", "stream=", "stream=a", "stream=b", "stream=A"),
        *(URI, PAYLOAD),
    ]
)


@given(st.lists(WORDS | st.text(max_size=8), max_size=17).map(" ".join) | st.text())
@examples(200)
def test_any_text_is_a_command_or_one_of_the_reasons(arguments: str) -> None:
    try:
        parse_command(arguments)
    except CommandError as error:
        assert error.reason in ALL_REASONS
        assert error.selector is None or f"stream={error.selector}" in arguments
        assert "hush" not in error.reply() and PAYLOAD not in error.reply()
        assert error.reply().isprintable()


BEFORE = re.compile(r"'([^']*)'(?![^ \t\r\n])|([^ \t\r\n]+)")


@given(st.text(" \t\r\n'ab\xa0\v", max_size=30))
def test_white_space_and_quotes_divide_as_the_grammar_says(text: str) -> None:
    words = [quoted or plain for quoted, plain in BEFORE.findall(text)]
    if 0 < len(words) < 14:
        with pytest.raises(CommandError) as caught:
            parse_command(f"list {text}")
        assert caught.value.reason == reasons.LIST_TAKES_ONLY_SELECTOR
    if len(words) == 1:
        assert parse_command(f"send_json {text}") == SendJson("default", False, words[0])
        assert parse_command(f"send_json stream=x {text} ") == SendJson("x", True, words[0])


@pytest.mark.parametrize("unit", ["x ", " '", "'a' ", "mono\t\t", "'' "])
@pytest.mark.parametrize("head", ["", "start ws://h/ ", "send_json "])
def test_of_too_many_arguments_no_more_are_split_off_than_tell_so(unit: str, head: str) -> None:
    text = head + unit * 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(CommandError) as caught:
            parse_command(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.reason == reasons.TOO_MANY_ARGUMENTS
    assert most < 100_000
