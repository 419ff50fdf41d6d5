"""The streams of a channel, by number and by name, from the command that wants one until its WebSocket is closed."""

from __future__ import annotations

from ..stream.stream import Stream
from . import reasons
from .channel_facts import LARGEST_NUMBER
from .command import Direction, Start
from .opening import Opening
from .refusal import CommandRefusedError


class Registry:
    """A name is taken until its stream is stopped, a number until the stream is gone. At most one stream plays."""

    def __init__(self) -> None:
        self._next_number = 1
        self._names: dict[str, int] = {}
        self._openings: dict[int, Opening] = {}
        self._streams: dict[int, Stream] = {}

    def __len__(self) -> int:
        return len(self._streams) + len(self._openings)

    @property
    def streams(self) -> list[Stream]:
        """All that there are, those among them that are being closed."""
        return list(self._streams.values())

    @property
    def listed(self) -> list[Stream]:
        """Those that commands can name."""
        return [self._streams[number] for number in self._names.values() if number in self._streams]

    def require_free(self, start: Start) -> None:
        """Its name, and the playback if it plays. Raises CommandRefusedError."""
        if start.stream in self._names:
            raise CommandRefusedError(reasons.STREAM_EXISTS)
        if start.direction is not Direction.SEND and (owner := self._playing()) is not None:
            raise CommandRefusedError(reasons.playback_owned(owner))

    def _playing(self) -> str | None:
        """The stream that has playback, if any."""
        for name, number in self._names.items():
            opening = self._openings.get(number)
            direction = self._streams[number].direction if opening is None else opening.start.direction
            if direction is not Direction.SEND:
                return name
        return None

    def new_number(self) -> int:
        number = self._next_number
        self.take_number(number)
        return number

    def take_number(self, number: int) -> None:
        """It is another stream's: that of an engine before this one, say."""
        self._next_number = max(self._next_number, number) % LARGEST_NUMBER + 1

    # -- openings

    def add_opening(self, opening: Opening) -> None:
        self._openings[opening.number] = opening
        self._names[opening.name] = opening.number

    def opening(self, number: int) -> Opening | None:
        return self._openings.get(number)

    def opening_named(self, name: str) -> Opening | None:
        return self._openings.get(self._names.get(name, 0))

    @property
    def openings(self) -> list[Opening]:
        return list(self._openings.values())

    def remove_opening(self, opening: Opening, *, name_stays: bool = False) -> None:
        """`name_stays`: its stream is there now."""
        del self._openings[opening.number]
        if not name_stays:
            self.release(opening.name)

    # -- streams

    def stream(self, number: int) -> Stream | None:
        return self._streams.get(number)

    def add(self, stream: Stream) -> None:
        self._names[stream.name] = stream.number
        self._streams[stream.number] = stream

    def named(self, name: str) -> Stream:
        """Raises CommandRefusedError."""
        number = self._names.get(name, 0)
        if number in self._openings:
            raise CommandRefusedError(reasons.NOT_CONNECTED)  # its channel's media is to come
        if number not in self._streams:
            raise CommandRefusedError(reasons.STREAM_NOT_FOUND)
        return self._streams[number]

    def release(self, name: str) -> None:
        """Another stream may have the name."""
        self._names.pop(name, None)

    def remove(self, number: int) -> None:
        self._streams.pop(number, None)
