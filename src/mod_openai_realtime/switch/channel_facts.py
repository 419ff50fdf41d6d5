"""What a stream has to know of its channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._media import StreamMemory, is_sound_rate
from .command import Mix, Start

_LONGEST_PTIME_MS = 1000  # of packets; FreeSWITCH's own longest is 120


LARGEST_NUMBER = (1 << 31) - 1  # of a stream, on its link


class FactsError(Exception):
    """The module tells what no channel can be. The text says what it is, for the reply to `start`."""


def map_memory(fd: int) -> StreamMemory:
    """The audio that is shared with the channel. Raises FactsError.

    -1: no descriptor came. The kernel leaves it out where this process has too many.
    """
    if fd < 0:
        raise FactsError(
            "Audio can't be shared with the channel: no descriptor; the engine may have too many open files"
        )
    try:
        return StreamMemory(fd)
    except (OSError, ValueError) as error:
        raise FactsError(f"Audio can't be shared with the channel: {error}") from None


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """Of the channel, when the media bug was added: rates in Hz, codecs by their IANA names ("" if not known)."""

    read_rate: int
    write_rate: int
    ptime_ms: int
    read_codec: str = ""
    write_codec: str = ""

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> ChannelFacts:
        """From the fields of OPENED or RESUME. Raises FactsError."""
        return cls(
            read_rate=_rate(fields, "read_rate"),
            write_rate=_rate(fields, "write_rate"),
            ptime_ms=_number(fields, "ptime_ms", 20, range(_LONGEST_PTIME_MS + 1)),
            read_codec=fields.get("read_codec", ""),
            write_codec=fields.get("write_codec", ""),
        )


def _number(fields: Mapping[str, str], name: str, default: int, possible: range) -> int:
    text = fields.get(name, str(default))
    # int() takes other alphabets' digits too, and raises for thousands of them.
    number = int(text) if len(text) <= len(str(possible.stop)) and text.isascii() and text.isdigit() else -1
    if number not in possible:
        raise FactsError(f"Channel states a {name} that makes no sense")
    return number


def _rate(fields: Mapping[str, str], name: str) -> int:
    rate = _number(fields, name, 8000, range(1_000_000))
    if not is_sound_rate(rate):
        raise FactsError(f"Channel has a rate of {rate} Hz, which no stream can use")
    return rate


def away_ms(fields: Mapping[str, str]) -> int:
    """For how long there was no engine, of a RESUME; 0 where nothing is said of it. Raises FactsError."""
    return _number(fields, "away_ms", 0, range(1 << 31))


def is_on_hold(fields: Mapping[str, str]) -> bool:
    return fields.get("on_hold") == "1"


def what_to_capture(start: Start, *, recorded: bool) -> str:
    """What the module shall capture. A recording wants the caller alone, also where that isn't sent, or only summed."""
    if not recorded:
        return start.mix.value if start.mix is not None else "none"
    if start.mix is None:
        return Mix.MONO.value
    return Mix.STEREO.value if start.mix is Mix.MIXED else start.mix.value
