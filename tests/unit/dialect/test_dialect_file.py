"""A dialect from a file of the user's own: what it says is checked, and every fault is told of by its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mod_openai_realtime.dialect.dialect import Dialect, Gate, Shape
from mod_openai_realtime.dialect.dialect_file import MAX_FILE_BYTES, DialectError, named_dialect, read_dialect
from mod_openai_realtime.dialect.profiles import OPENAI, PROFILES, XAI

WHOLE = """
base = "xai"
append = "audio.append"
audio_deltas = ["audio.delta"]
greetings = ["hello"]
greets = false
unknown = ["conversation.item.truncate"]
keep_alive = "ping"
keep_alive_answer = "pong"
keep_alive_s = 10
playback_ack = "heard"
shape = "flat"
session_type = ""
gate = "configured"
gate_wait_ms = 0
session_limit_s = 600
speech_interrupts = false
leaves_answers = false
detection = "clever_vad"
cut_reasons = ["barge_in"]
items = ["user"]
agent_text = "text"
longest_id = 64

[session]
voice = "eve"
[session.turn_detection]
type = "server_vad"

[input]
pcm = "pcm16"
pcmu = ""
rates = [16000]
unstated_rate = 16000

[output]
unstated_rate = 0
[output.rate_names]
8000 = "pcm8"
"""


def test_everything_can_be_said() -> None:
    mine = read_dialect(WHOLE, "mine")
    assert (mine.name, mine.vendor, mine.append, mine.audio_names) == (
        "mine",
        "mine",
        "audio.append",
        (b"audio.delta",),
    )
    assert (mine.greetings, mine.greets, mine.truncates, mine.cancels) == (("hello",), False, False, True)
    assert (mine.keep_alive, mine.keep_alive_answer, mine.keep_alive_s) == ("ping", "pong", 10)
    assert (mine.shape, mine.session_type, mine.gate, mine.gate_wait_ms) == (Shape.FLAT, "", Gate.CONFIGURED, None)
    assert (mine.leaves_answers, mine.detection) == (False, "clever_vad")
    assert (mine.session_limit_s, mine.speech_interrupts, mine.cut_reasons) == (600, False, frozenset({"barge_in"}))
    assert (mine.given_items, mine.agent_text, mine.longest_id) == (frozenset({"user"}), "text", 64)
    assert mine.playback_ack == "heard"
    assert mine.session == {"voice": "eve", "turn_detection": {"type": "server_vad"}}
    assert (mine.input.pcm, mine.input.pcmu, mine.input.pcma) == ("pcm16", "", XAI.input.pcma)
    assert (mine.input.rates, mine.input.unstated_rate, mine.output.unstated_rate) == ((16000,), 16000, None)
    assert mine.output.rate_names == {8000: "pcm8"}


def test_every_field_of_a_dialect_has_its_key() -> None:
    told = {line.split(" =")[0] for line in WHOLE.splitlines() if " = " in line}
    fields = set(Dialect.__dataclass_fields__) - {"name", "vendor", "session", "input", "output"}
    assert fields <= told


def test_what_a_file_does_not_say_is_as_in_its_base() -> None:
    assert read_dialect("", "empty") == Dialect(**{**vars_of(OPENAI), "name": "empty", "vendor": "empty"})
    assert read_dialect('base = "xAI"', "x").input == XAI.input


def vars_of(dialect: Dialect) -> dict[str, object]:
    return {name: getattr(dialect, name) for name in Dialect.__dataclass_fields__}


@pytest.mark.parametrize("name", PROFILES)
def test_a_known_one_has_a_name_in_any_case(name: str) -> None:
    assert named_dialect(name.upper()) is PROFILES[name]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = [", "no TOML: end of document"),
        ("\nx = 1979-05-32", "no TOML: line 2"),
        ("gate = 'open'\ngreets = true\ngate = 'open'", "no TOML: something is there twice, by "),
        ("[input]\n[output]\n[input]", "no TOML: something is there twice, by line 3"),
        ("[input]\nrates = [16000]\ngate = 'open'", "`input.gate`; `gate` stands before the first table"),
        ('base = "grok"', "`base` is none of openai, "),
        ("base = 7", "`base` is none of openai, "),
        ("voice = 'x'", "`voice`, which is none of base, session, input, output, append"),
        ("'s3cret key' = 1", "`a key`, which is none of"),
        ("gate = 'shut'", "`gate` is not one of open, updated, configured"),
        ("gate = ['open']", "`gate` is not one of"),
        ("gate_wait_ms = -1", "`gate_wait_ms` is not a whole number from 1 to 60000"),
        ("gate_wait_ms = true", "`gate_wait_ms` is not a whole number"),
        ("append = 'a\"b'", "`append` is not a plain name"),
        ("append = ''", "`append` is not the name of an event"),
        ("audio_deltas = []", "`audio_deltas` is not a list of names with at least one"),
        ("audio_deltas = 'x'", "`audio_deltas` is not a list of at most"),
        ("greets = 1", "`greets` is not true or false"),
        ("items = ['everything']", "`items` is not a list of assistant, "),
        ("input = 3", "`input` is not a table"),
        ("session = 3", "`session` is not a table"),
        ("[session]\nat = 1979-05-27", "`session` holds what is no JSON"),
        ("[input]\nrates = [44100]", "`input.rates` is not a rate: a multiple of 8000"),
        ("[input]\nname = 'x'", "`input.name`, which is none of pcm, pcmu, pcma"),
        ("[output]\nrate_names = {fast = 'x'}", "`output.rate_names` is not a table of rates"),
        ("a = " + "[" * 5000, "no TOML: its nesting"),
        ("keep_alive_s = " + "9" * 5000, "no TOML: a number with too many digits"),
        ("\n" + ".".join("a" * 5000) + " = 1", "more than 100 dots in line 2"),
    ],
)
def test_a_fault_is_told_of_with_its_place_and_no_value(text: str, fault: str) -> None:
    with pytest.raises(DialectError) as raised:
        read_dialect(text, "mine")
    assert fault in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_byte_order_mark_is_no_part_of_what_a_file_says(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_bytes(b'\xef\xbb\xbfbase = "speaches"\r\n')
    assert named_dialect(str(path)).shape is Shape.FLAT


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my-server.toml"
    path.write_text('base = "speaches"')
    mine = named_dialect(str(path))
    assert (mine.name, mine.unknown) == ("my-server", PROFILES["speaches"].unknown)


def test_what_is_no_file_is_told_of_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    for name, fault in (
        ("pipe", "what is no file"),
        ("", "what is no file"),
        ("none", "No such file"),
        ("large", "more than 16 kB"),
    ):
        with pytest.raises(DialectError, match=fault):
            named_dialect(f"{tmp_path}/{name}")
    with pytest.raises(DialectError, match="none of openai, "):
        named_dialect("my-server.toml")
