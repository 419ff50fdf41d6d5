"""What the engine and its agents write while a call is up: how the agent's part ended, and what went wrong."""

from __future__ import annotations

import re
from pathlib import Path

_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (\w+) (.*)$")
_DONE = re.compile(r"agent \S+ of call (\S+) is (?:done|given up): (\w+)")
_TROUBLE = ("WARNING", "ERROR", "CRITICAL")
MAX_LINES = 1000


class EngineSaid:
    """From now on. What a record is continued with is indented; any other line is somebody's own, by `print`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._at = log.stat().st_size if log.exists() else 0
        self._part = b""
        self.lines: list[str] = []
        """The newest."""
        self.reasons: dict[str, str] = {}
        """By the uuid of a call: why it ended, once the agent is done with it, on_end included."""

    def look(self) -> None:
        """Takes what is new."""
        with self._log.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        self._at += len(new)
        *whole, self._part = (self._part + new).split(b"\n")
        for line in whole:
            text = line.decode(errors="replace")
            self.lines.append(text)
            done = _DONE.search(text)
            if done:
                self.reasons[done[1]] = done[2]
        del self.lines[:-MAX_LINES]

    def trouble(self) -> list[str]:
        """Warnings and errors, with the traces that follow them; without the time."""
        found: list[str] = []
        wanted = False
        for line in self.lines:
            record = _RECORD.match(line)
            if record is not None:
                wanted = record[1] in _TROUBLE
            elif not line.startswith("  | "):
                wanted = False
            if wanted:
                found.append(f"{record[1]} {record[2]}" if record is not None else line)
        return found
