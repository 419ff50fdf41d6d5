"""Events and log lines that came out of the module."""

import ctypes
from dataclasses import dataclass
from enum import IntEnum

from ..switch.events import PREFIX
from .library import Library


@dataclass(frozen=True)
class Event:
    """An event that was fired. `time_ns` is CLOCK_MONOTONIC."""

    subclass: str
    headers: dict[str, str]
    body: str
    time_ns: int

    @property
    def uuid(self) -> str | None:
        """The channel's, if it carries the channel's data."""
        return self.headers.get("Unique-ID")


class LogLevel(IntEnum):
    """FreeSWITCH's levels."""

    CONSOLE = 0
    ALERT = 1
    CRIT = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


@dataclass(frozen=True)
class LogLine:
    """A line of the log. `uuid` is None where no channel is meant; `time_ns` is CLOCK_MONOTONIC."""

    level: LogLevel
    uuid: str | None
    text: str
    time_ns: int


def full_subclass(subclass: str | None) -> bytes | None:
    """`connect` means `mod_openai_audio_stream::connect`; None means any."""
    if subclass is None:
        return None
    return (subclass if "::" in subclass else PREFIX + subclass).encode()


def take_event(library: Library, subclass: str | None, uuid: str | None, timeout: float) -> Event | None:
    """Takes the oldest event that matches, waiting up to `timeout` seconds for one."""
    handle = library.event_take(full_subclass(subclass), uuid.encode() if uuid else None, int(timeout * 1e9))
    if handle is None:
        return None
    try:
        return Event(
            subclass=library.event_subclass(handle).decode("utf-8", "replace"),
            headers=_headers(library, handle),
            body=library.event_body(handle).decode("utf-8", "replace"),
            time_ns=library.event_time_ns(handle),
        )
    finally:
        library.event_free(handle)


def _headers(library: Library, handle: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    name, value = ctypes.c_char_p(), ctypes.c_char_p()
    index = 0
    while library.event_header(handle, index, ctypes.byref(name), ctypes.byref(value)):
        index += 1
        headers[(name.value or b"").decode()] = (value.value or b"").decode("utf-8", "replace")
    return headers


def take_log(library: Library) -> list[LogLine]:
    """Takes all lines."""
    lines: list[LogLine] = []
    while entry := library.log_take():
        fields = entry.contents
        lines.append(
            LogLine(
                level=LogLevel(fields.level),
                uuid=fields.uuid.decode() or None,
                text=fields.text.decode("utf-8", "replace"),
                time_ns=fields.time_ns,
            )
        )
        library.log_free(entry)
    return lines
