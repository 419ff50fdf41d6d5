"""What the caller keys in: groups of digits for the model, or collected by a tool. Sans-I/O; times are seconds."""

from __future__ import annotations

from dataclasses import dataclass

GROUP_S = 2.0  # so long without another key, and a group is whole
END = "#"
MAX_DIGITS = 256
"""Of a group, which is whole then."""


@dataclass(slots=True)
class _Collection:
    count: int | None
    terminator: str | None
    timeout_s: float
    deadline: float
    digits: str = ""


class Keys:
    """Of one call."""

    def __init__(self, digits: str = "", now: float = 0.0) -> None:
        """`digits`: of a group that had begun, under another host."""
        self.group = digits
        self._group_until: float | None = now + GROUP_S if digits else None
        self._collection: _Collection | None = None

    @property
    def collecting(self) -> bool:
        return self._collection is not None

    @property
    def deadline(self) -> float | None:
        """When tick() has something to do."""
        if self._collection is not None:
            return self._collection.deadline
        return self._group_until

    def collect(self, count: int | None, terminator: str | None, timeout_s: float, now: float) -> str | None:
        """From now on: until there are `count`, or the `terminator` (which is not among them), or none came for
        `timeout_s`. What was keyed just before belongs to it. Its result, where it is whole already."""
        early, self.group, self._group_until = self.group, "", None
        self._collection = _Collection(count, terminator, timeout_s, now + timeout_s)
        for digit in early:
            found = self._collect(digit, now)
            if found is not None:
                return found
        return None

    def give_up(self) -> str:
        """Nobody waits for the collection any more: what there was of it."""
        collection, self._collection = self._collection, None
        return collection.digits if collection is not None else ""

    def key(self, digit: str, now: float) -> tuple[str, str] | None:
        """The caller keyed it. `collected` or `group`, and the digits, where something is whole now."""
        if self._collection is not None:
            found = self._collect(digit, now)
            return ("collected", found) if found is not None else None
        if digit == END:
            group, self.group, self._group_until = self.group or END, "", None
            return "group", group
        self.group += digit
        self._group_until = now + GROUP_S
        if len(self.group) >= MAX_DIGITS:
            return "group", self._whole_group()
        return None

    def tick(self, now: float) -> tuple[str, str] | None:
        if self._collection is not None:
            return ("collected", self.give_up()) if now >= self._collection.deadline else None
        if self._group_until is not None and now >= self._group_until:
            return "group", self._whole_group()
        return None

    def _whole_group(self) -> str:
        group, self.group, self._group_until = self.group, "", None
        return group

    def _collect(self, digit: str, now: float) -> str | None:
        collection = self._collection
        assert collection is not None
        if digit == collection.terminator:
            return self.give_up()
        collection.digits += digit
        collection.deadline = now + collection.timeout_s
        if collection.count is not None and len(collection.digits) >= collection.count:
            return self.give_up()
        return None
