"""What an agent's host has been told of a call and has not worked off: told once more to the host that follows it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..agent.messages import MAX_REPLAYED, MAX_REPLAYED_BYTES, Begin, Event, OfCall, encode


@dataclass(frozen=True, slots=True)
class Entry:
    n: int
    frame: bytes
    is_event: bool
    """One of the server's messages: what can be spared first."""


class Journal:
    """Numbers the messages of one call, and keeps those that no host has worked off. Past MAX_REPLAYED messages
    or MAX_REPLAYED_BYTES the oldest events go, then the oldest of all."""

    def __init__(self, last: int = 0) -> None:
        """`last`: the number of the last message that is not to be told again."""
        self._n = last
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self.left_out = 0
        """So many could not be kept."""

    @property
    def last(self) -> int:
        """The number of the last message."""
        return self._n

    def next(self) -> int:
        """The number for a message that is about to be told."""
        self._n += 1
        return self._n

    def note(self, message: OfCall) -> bytes:
        """A message, with the number of next(): its frame. Raises ProtocolError where it has none."""
        frame = encode(message)
        if not isinstance(message, Begin):  # each host has one of its own
            self._entries.append(Entry(message.n, frame, isinstance(message, Event)))
            self._bytes += len(frame)
            while len(self._entries) > MAX_REPLAYED or self._bytes > MAX_REPLAYED_BYTES:
                self._leave_out()
        return frame

    def worked_off(self, through: int) -> None:
        """Everything up to this number is behind the host."""
        while self._entries and self._entries[0].n <= through:
            self._bytes -= len(self._entries.popleft().frame)

    def frames(self) -> list[bytes]:
        """What the next host is to be told, in order."""
        return [entry.frame for entry in self._entries]

    def _leave_out(self) -> None:
        entry = next((each for each in self._entries if each.is_event), self._entries[0])
        self._entries.remove(entry)
        self._bytes -= len(entry.frame)
        self.left_out += 1
