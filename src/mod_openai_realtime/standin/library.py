"""The C library of the stand-in: where it is, and the signatures of `native/standin/standin.h`."""

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_ubyte, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from .errors import StandInError

NATIVE_DIR = Path(__file__).resolve().parent.parent / "native"
LIBRARY_VARIABLE = "OPENAI_REALTIME_STANDIN"
"""Environment variable that names another `libstandin.so`."""

NOTHING_SENT = -1
GONE = -2
BAD_FRAME = -3
FRAME_ROOM = 8192
HISTOGRAM_BUCKETS = 976


class MediaFormat(ctypes.Structure):
    """`struct media_format`: rate in Hz, packet time in ms, channels."""

    _fields_ = (("rate", c_uint32), ("ptime_ms", c_uint32), ("channels", c_uint32))


class LogEntry(ctypes.Structure):
    """`struct log_entry`."""

    _fields_ = (
        ("next", c_void_p),
        ("level", c_int),
        ("time_ns", c_uint64),
        ("uuid", c_char_p),
        ("text", c_char_p),
    )


_FORMAT = POINTER(MediaFormat)
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    # Owned texts come back as addresses: ctypes would lose what has to be freed.
    "load": (c_void_p, (c_char_p,)),
    "unload": (c_void_p, (c_int,)),
    "api": (c_void_p, (c_char_p, c_char_p)),
    "application": (c_int, (c_void_p, c_char_p, c_char_p)),
    "free": (None, (c_void_p,)),
    "set_config": (None, (c_char_p, c_char_p)),
    "set_global": (None, (c_char_p, c_char_p)),
    "completion": (c_void_p, (c_size_t,)),
    "call_new": (c_void_p, (c_char_p, c_int, c_int, _FORMAT, _FORMAT, c_size_t)),
    "call_free": (None, (c_void_p,)),
    "call_hangup": (None, (c_void_p,)),
    "call_step": (c_int, (c_void_p, c_char_p, c_uint32, c_char_p, c_uint32, c_void_p)),
    "call_set_formats": (c_int, (c_void_p, _FORMAT, _FORMAT, c_int)),
    "call_relabel_writer": (None, (c_void_p,)),
    "call_set_variable": (c_int, (c_void_p, c_char_p, c_char_p)),
    "call_variable": (c_void_p, (c_void_p, c_char_p)),
    "call_place": (None, (c_void_p, c_int)),
    "call_negotiate": (c_int, (c_void_p,)),
    "call_answer": (c_int, (c_void_p,)),
    "call_end_application": (c_int, (c_void_p, c_int)),
    "call_leave_when_tapped": (c_int, (c_void_p, c_int)),
    "call_hold": (c_int, (c_void_p, c_int)),
    "call_dial": (c_int, (c_void_p, c_char_p, c_uint32, c_int)),
    "call_bug_count": (c_int, (c_void_p,)),
    "call_state": (c_int, (c_void_p,)),
    "call_feed": (None, (c_void_p, c_int, c_char_p, c_size_t, c_int)),
    "call_feed_more": (c_size_t, (c_void_p, c_char_p, c_size_t)),
    "call_set_sends": (None, (c_void_p, c_int)),
    "call_sent_bytes": (c_size_t, (c_void_p,)),
    "call_take_sent": (c_size_t, (c_void_p, c_void_p, c_size_t)),
    "call_sent_dropped": (c_uint64, (c_void_p,)),
    "call_steps": (c_uint64, (c_void_p,)),
    "call_wait_steps": (c_int, (c_void_p, c_uint64, c_uint64)),
    "call_late_max_ns": (c_uint64, (c_void_p,)),
    "call_skipped": (c_uint64, (c_void_p,)),
    "clock_run": (c_int, (ctypes.c_uint,)),
    "clock_add": (None, (c_void_p,)),
    "clock_halt": (None, ()),
    "event_take": (c_void_p, (c_char_p, c_char_p, c_uint64)),
    "event_free": (None, (c_void_p,)),
    "event_subclass": (c_char_p, (c_void_p,)),
    "event_body": (c_char_p, (c_void_p,)),
    "event_time_ns": (c_uint64, (c_void_p,)),
    "event_header": (c_int, (c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_char_p))),
    "events_dropped": (c_uint64, ()),
    "log_take": (POINTER(LogEntry), ()),
    "log_free": (None, (POINTER(LogEntry),)),
    "times": (None, (c_int, POINTER(c_uint64), POINTER(c_uint64), POINTER(c_uint64), POINTER(c_uint64))),
    "times_reset": (None, ()),
}


def find_library(path: Path | str | None = None) -> Path:
    """Where `libstandin.so` is: `path`, else $OPENAI_REALTIME_STANDIN, else inside the package.

    Raises StandInError if there is no such file.
    """
    found = Path(path or os.environ.get(LIBRARY_VARIABLE) or NATIVE_DIR / "libstandin.so")
    if not found.is_file():
        raise StandInError(f"The stand-in's library is not at {found}; set {LIBRARY_VARIABLE} to its place")
    return found.resolve()


class Library:
    """The loaded library. Every function gives the GIL up while it runs."""

    def __init__(self, path: Path) -> None:
        # Global, and before the module: the module's undefined symbols are looked up here, as in FreeSWITCH's process.
        self._library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, f"standin_{name}")
            function.restype = result
            function.argtypes = arguments

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, f"standin_{name}")

    def take_text(self, address: int | None) -> str | None:
        """The text at an address that is ours to free, or None."""
        if address is None:
            return None
        text = ctypes.string_at(address).decode("utf-8", "replace")
        self.free(address)
        return text


def encode(text: str) -> bytes:
    """UTF-8 for a C string. Raises ValueError if there is a NUL character inside."""
    if "\0" in text:
        raise ValueError("A NUL character can't be in this text")
    return text.encode()


def frame_buffer() -> "ctypes.Array[c_ubyte]":
    """Room for the largest frame."""
    return (c_ubyte * FRAME_ROOM)()
