"""All that happened in the call, in order and with times: written by several threads, waited on by one."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Source = Literal["event", "command", "caller"]
JSON_EVENT = "json"


class SilentError(Exception):
    """Something that had to happen did not, in the time it had; the text says what."""


@dataclass(frozen=True)
class Entry:
    """`name`: an event's subclass, a command's verb, or `begins` and `ends` of a line of the caller's.

    `time_ns` is CLOCK_MONOTONIC. `body`: an event's, parsed if it is JSON; a command's reply; the caller's text.
    """

    time_ns: int
    source: Source
    name: str
    body: Any

    @property
    def server_type(self) -> str | None:
        """The type of the server's event that a `json` event carries."""
        if self.source == "event" and self.name == JSON_EVENT and isinstance(self.body, dict):
            kind = self.body.get("type")
            return kind if isinstance(kind, str) else None
        return None

    def is_event(self, name: str) -> bool:
        """`name` is a subclass, or the type of a server's event, which has a dot in it."""
        return (self.source == "event" and self.name == name) or self.server_type == name


Listener = Callable[[Entry], None]


class Journal:
    """Entries in order of arrival, which is not quite the order of their times."""

    def __init__(self, listener: Listener | None = None) -> None:
        """`listener` hears of every entry, on the thread that adds it."""
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._listener = listener

    def add(self, source: Source, name: str, body: Any, time_ns: int | None = None) -> Entry:
        """`time_ns` None is now."""
        entry = Entry(time.monotonic_ns() if time_ns is None else time_ns, source, name, body)
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()
        if self._listener is not None:
            self._listener(entry)
        return entry

    def mark(self) -> int:
        """The place behind the newest entry, for `wait`."""
        with self._changed:
            return len(self._entries)

    def wait(self, name: str, after: int, timeout_s: float) -> int:
        """Returns the place behind the first event of this name (see Entry.is_event) that is behind the mark.

        Raises SilentError, at once where a `disconnect` comes first.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for place, entry in enumerate(self._entries[after:], after + 1):
                    if entry.is_event(name):
                        return place
                    if entry.is_event("disconnect"):
                        raise SilentError(f"disconnected before any {name}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise SilentError(f"no {name} within {timeout_s:g} s")
                self._changed.wait(left)

    def entries(self) -> list[Entry]:
        """All of them, by time."""
        with self._changed:
            return sorted(self._entries, key=lambda entry: entry.time_ns)


def events_named(entries: list[Entry], name: str) -> list[Entry]:
    """See Entry.is_event."""
    return [entry for entry in entries if entry.is_event(name)]


def parsed(text: str) -> Any:
    """The JSON value of an event's body, or the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def write_journal(path: Path, entries: list[Entry], origin_ns: int) -> None:
    """One JSON object a line; `at_s` counts from `origin_ns`. Raises OSError."""
    with path.open("w", encoding="utf-8") as file:
        for entry in entries:
            at_s = round((entry.time_ns - origin_ns) / 1e9, 6)
            line = {"at_s": at_s, "source": entry.source, "name": entry.name, "body": entry.body}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
