"""Entries, and waiting for them."""

import json
from pathlib import Path

import pytest
from threads import beside

from mod_openai_realtime.demo.journal import Entry, Journal, SilentError, parsed, write_journal


def test_wait_returns_the_place_behind_the_event() -> None:
    journal = Journal()
    journal.add("event", "connect", None)
    journal.add("event", "openai_speech_stop", None)
    journal.add("event", "openai_speech_stop", None)
    assert journal.wait("openai_speech_stop", 0, 0.0) == 2
    assert journal.wait("openai_speech_stop", 2, 0.0) == 3


def test_wait_finds_a_server_event_inside_a_json_event() -> None:
    journal = Journal()
    journal.add("event", "json", {"type": "session.created"})
    assert journal.wait("session.created", 0, 0.0) == 1


def test_wait_says_what_did_not_come() -> None:
    journal = Journal()
    journal.add("event", "connect", None)
    with pytest.raises(SilentError, match="no connect within 0 s"):
        journal.wait("connect", journal.mark(), 0.0)


def test_wait_ends_with_the_connection() -> None:
    journal = Journal()
    journal.add("event", "disconnect", None)
    journal.add("event", "openai_speech_start", None)
    with pytest.raises(SilentError, match="disconnected before any openai_speech_start"):
        journal.wait("openai_speech_start", 0, 30.0)
    assert journal.wait("disconnect", 0, 0.0) == 1


def test_wait_is_woken_by_another_thread() -> None:
    journal = Journal()
    with beside(lambda: journal.add("event", "connect", None)):
        assert journal.wait("connect", 0, 30.0) == 1


def test_a_command_is_no_event() -> None:
    assert not Entry(0, "command", "connect", None).is_event("connect")


def test_entries_are_in_order_of_time() -> None:
    journal = Journal()
    journal.add("event", "second", None, 20)
    journal.add("caller", "says", "first", 10)
    assert [entry.time_ns for entry in journal.entries()] == [10, 20]


def test_the_listener_hears_of_every_entry() -> None:
    heard: list[Entry] = []
    added = Journal(heard.append).add("event", "connect", None, 1)
    assert heard == [added]


def test_a_body_that_is_not_json_stays_a_text() -> None:
    assert parsed('{"a": 1}') == {"a": 1}
    assert parsed("not json") == "not json"


def test_one_json_object_a_line_is_written(tmp_path: Path) -> None:
    entries = [Entry(1_000_000_000, "event", "connect", {"status": "connected"}), Entry(3, "caller", "says", "“é”\n")]
    write_journal(tmp_path / "events.jsonl", entries, 500_000_000)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == {"at_s": 0.5, "source": "event", "name": "connect", "body": {"status": "connected"}}
    assert json.loads(lines[1])["body"] == "“é”\n"
    assert len(lines) == 2
