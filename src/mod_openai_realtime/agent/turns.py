"""What both sides said, and the tools' results, in the order in which they began. Sans-I/O."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .values import Turn

MAX_TURNS = 5000
"""Past it the oldest are forgotten: a day of talk has fewer."""


@dataclass(slots=True, order=True)
class _Entry:
    at: datetime
    key: int
    turn: Turn


class Turns:
    """Of one call."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._key = 0
        self._changed: dict[str, dict[str, Any]] = {}

    @property
    def all(self) -> list[Turn]:
        return [entry.turn for entry in self._entries]

    def add(self, turn: Turn) -> None:
        self._key += 1
        entry = _Entry(turn.at, self._key, turn)
        insort(self._entries, entry)
        self._change(entry)
        if len(self._entries) > MAX_TURNS:
            del self._entries[0]

    def tell_all_again(self) -> None:
        """To one who was not told before."""
        for entry in self._entries:
            self._change(entry)

    def _change(self, entry: _Entry) -> None:
        self._changed[str(entry.key)] = {**asdict(entry.turn), "at": entry.at.isoformat()}

    def take_changed(self) -> dict[str, dict[str, Any]]:
        """What is new since it was asked for last, as JSON."""
        changed, self._changed = self._changed, {}
        return changed

    def take_up(self, kept: Mapping[str, Mapping[str, Any]]) -> None:
        """What take_changed() has told, of another host. What can't be read is left out."""
        for key, fields in _in_order(kept.items()):
            try:
                turn = Turn(**{**fields, "at": datetime.fromisoformat(fields["at"])})
            except (TypeError, ValueError, KeyError):
                continue
            self._key = max(self._key, key)
            insort(self._entries, _Entry(turn.at, key, turn))


def _in_order(kept: Iterable[tuple[str, Mapping[str, Any]]]) -> list[tuple[int, Mapping[str, Any]]]:
    return sorted(((int(key), fields) for key, fields in kept if key.isdecimal()), key=lambda each: each[0])
