"""How long neither side has spoken. Sans-I/O; times are seconds."""

from __future__ import annotations


class Silence:
    """Of one call. Counts from the connection on, and only while nothing is going on."""

    def __init__(self, after_s: float | None) -> None:
        """`after_s` None: it never comes."""
        self.after_s = after_s
        self.times = 0
        self._since: float | None = None

    @property
    def deadline(self) -> float | None:
        return None if self._since is None or self.after_s is None else self._since + self.after_s

    def caller_is_there(self) -> None:
        """The caller spoke, or keyed something in."""
        self.times = 0
        self._since = None

    def look(self, quiet: bool, now: float) -> bool:
        """To be told whenever something may have changed. `quiet`: connected, and nothing is going on. Whether it has
        been so long enough; then it begins anew."""
        if not quiet:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if self.deadline is None or now < self.deadline:
            return False
        self._since = now
        self.times += 1
        return True
