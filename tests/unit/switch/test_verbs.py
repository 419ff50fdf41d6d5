"""One table says which verbs there are, what they take, what they do, and how that is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mod_openai_realtime.switch import reasons
from mod_openai_realtime.switch.command import CommandError
from mod_openai_realtime.switch.stream_verbs import STREAM_VERBS
from mod_openai_realtime.switch.verb import Order, Verb, VerbTable
from mod_openai_realtime.switch.verbs import APIS

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGES = {"openai": "commands.md", "raw": "commands.md", "agent": "agent-commands.md"}
# An example of each of what stands in the usage for something else.
EXAMPLES = {"<ws-uri>": "ws://h/", "<mono|mixed|stereo>": "mono", "<base64-json>": "e30"}


class Note:
    """A command of another family."""

    selector = None

    def __init__(self, text: str) -> None:
        self.text = text


def test_every_form_of_the_usage_is_a_command_of_its_verb() -> None:
    for verb in STREAM_VERBS.verbs:
        for form in verb.forms:
            words = re.sub(r" ?\[[^]]*\]", "", form)
            for placeholder, example in EXAMPLES.items():
                words = words.replace(placeholder, example)
            assert STREAM_VERBS.parse(words)[0] is verb, form
            assert form.split()[0] == verb.name


def test_every_verb_is_in_the_usage_and_on_the_page_of_commands() -> None:
    for api in APIS:
        page = (REFERENCE / PAGES[api.word]).read_text()
        assert api.usage.startswith(f"{api.name} <uuid> start <")
        for verb in api.verbs:
            assert re.search(rf"[ |]{verb}\b", api.usage)
            assert re.search(rf"^    <uuid> (\w+ \| )*{verb}\b", page, re.MULTILINE)


def test_the_application_takes_what_start_takes() -> None:
    page = (REFERENCE / "application.md").read_text()
    forms = re.findall(r"^    openai_audio_stream (.+)$", page, re.MULTILINE)
    assert len(forms) == 2
    for form in forms:
        words = re.sub(r" ?\[[^]]*\]", "", form)
        for placeholder, example in EXAMPLES.items():
            words = words.replace(placeholder, example)
        assert STREAM_VERBS.parse(f"start {words}")


def test_another_family_of_verbs_needs_a_table_and_no_more() -> None:
    noted: list[str] = []

    def parse(selector: str | None, words: list[str]) -> Note:
        if selector is not None:
            raise CommandError("Notes belong to no stream")
        return Note(" ".join(words))

    def run(notes: list[str], order: Order, note: Note) -> str:
        notes.append(note.text)
        return f"+OK {order.fields['state']}"

    table: VerbTable[list[str]] = VerbTable(Verb("note", ("note <text>", "note"), parse, run), note=" (anything)")
    verb, command = table.parse("NOTE 'call back'")
    assert verb.run(noted, Order(7, {"state": "early"}), command) == "+OK early"
    assert noted == ["call back"]
    assert table.usage("uuid_notes") == "uuid_notes <uuid> note <text> | note (anything)"
    for arguments, reply in (
        ("start ws://h/ mono", f"-ERR {reasons.UNKNOWN_COMMAND}"),
        ("note stream=a", "-ERR Notes belong to no stream [stream=a]"),
        ("note " + "x " * 14, f"-ERR {reasons.TOO_MANY_ARGUMENTS}"),
    ):
        with pytest.raises(CommandError) as caught:
            table.parse(arguments)
        assert caught.value.reply() == reply
