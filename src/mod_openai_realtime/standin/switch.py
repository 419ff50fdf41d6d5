"""The stand-in switch: loads the compiled module, makes calls, runs commands."""

import ctypes
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self
from uuid import uuid4

from .call import SENT_LIMIT_BYTES, Call, ChannelState, Codec
from .errors import ModuleLoadError, StandInError
from .events import Event, LogLine, take_event, take_log
from .histogram import CallbackTimes, Histogram
from .library import HISTOGRAM_BUCKETS, NATIVE_DIR, Library, encode, find_library

_STATES = {"ringing": ChannelState.RINGING, "early": ChannelState.EARLY, "answered": ChannelState.ANSWERED}
LIST_UUID = "::console::list_uuid"
_ANY_OF = "::["


class StandIn:
    """A switch with the module loaded; a context manager.

    There is one at a time in a process, because the module and the library have globals. Raises StandInError if there
    is another or the library is not found, ModuleLoadError if the module does not load.

    `module_path` None is the module inside the package. `engine_socket` goes into the module's configuration,
    `temp_dir` and `recordings_dir` are global variables of the switch; None leaves them unset.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _open: ClassVar["StandIn | None"] = None
    _library_of_process: ClassVar[tuple[Path, Library] | None] = None

    def __init__(
        self,
        module_path: Path | str | None = None,
        *,
        engine_socket: Path | str | None = None,
        temp_dir: Path | str | None = None,
        recordings_dir: Path | str | None = None,
        library_path: Path | str | None = None,
    ) -> None:
        self.module_path = Path(module_path or NATIVE_DIR / "mod_openai_audio_stream.so").resolve()
        self._calls: list[Call] = []  # guarded by _calls_lock, as is _running
        self._calls_lock = threading.Lock()
        self._running = False
        with StandIn._lock:
            if StandIn._open is not None:
                raise StandInError("A stand-in switch is open in this process already")
            self._library = self._load_library(find_library(library_path))
            StandIn._open = self
        try:
            self.set_config("engine-socket", engine_socket)
            self.set_global("temp_dir", temp_dir)
            self.set_global("recordings_dir", recordings_dir)
            self.load()
        except BaseException:
            with StandIn._lock:
                StandIn._open = None
            raise

    @classmethod
    def _load_library(cls, path: Path) -> Library:
        if cls._library_of_process is None:
            cls._library_of_process = (path, Library(path))
        loaded, library = cls._library_of_process
        if loaded != path:
            raise StandInError(f"This process has loaded another library of the stand-in: {loaded}")
        # What a switch before this one left behind is not this one's.
        while take_event(library, None, None, 0):
            pass
        take_log(library)
        library.times_reset()
        return library

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops the clock, hangs up all calls, unloads the module by force. Closing again does nothing."""
        with StandIn._lock:
            if StandIn._open is not self:
                return
        try:
            self.halt()
            for call in self._live_calls():
                call.hangup()
            self._take_reason(self._library.unload(1), ignore="No module is loaded")
        finally:
            with StandIn._lock:
                StandIn._open = None

    # The module

    def _take_reason(self, address: int | None, ignore: str | None = None) -> None:
        reason = self._library.take_text(address)
        if reason is not None and reason != ignore:
            raise ModuleLoadError(reason)

    def load(self) -> None:
        """Loads the module. Raises ModuleLoadError."""
        self._take_reason(self._library.load(str(self.module_path).encode()))

    def unload(self, force: bool = False) -> None:
        """Unloads it, calls being up or not. Raises ModuleLoadError while a command runs, unless forced.

        Forced, it waits 10 s for commands that run, and goes on all the same.
        """
        self._take_reason(self._library.unload(force))

    def set_config(self, name: str, value: Path | str | None) -> None:
        """Sets a <param> of the module's configuration, which it reads when it is loaded."""
        self._library.set_config(encode(name), None if value is None else encode(str(value)))

    def set_global(self, name: str, value: Path | str | None) -> None:
        """Sets a global variable of the switch."""
        self._library.set_global(encode(name), None if value is None else encode(str(value)))

    # Calls and commands

    def call(
        self,
        read_rate: int = 8000,
        write_rate: int | None = None,
        ptime_ms: int = 20,
        *,
        variables: Mapping[str, str] | None = None,
        state: str = "answered",
        media: bool = True,
        outbound: bool = False,
        negotiated: bool = True,
        channels: int = 1,
        uuid: str | None = None,
        sent_limit_bytes: int = SENT_LIMIT_BYTES,
    ) -> Call:
        """Makes a call, and gives it to the real clock if that runs.

        `state` is `ringing`, `early` or `answered`; with `media` False a ringing channel can't reach early media:
        trying hangs it up. `outbound` is a call that the switch has placed; not `negotiated`, its codecs are not set
        before Call.negotiate, as while FreeSWITCH runs `api_on_media`. `write_rate` is `read_rate` if None.
        `sent_limit_bytes` bounds what is kept for Call.sent (0: nothing). Raises ValueError for what no channel has,
        StandInError if the uuid is taken.
        """
        if not negotiated and not outbound:
            raise ValueError("A channel that has not negotiated is outbound")
        if state not in _STATES:
            raise ValueError(f"States are {', '.join(_STATES)}, not {state!r}")
        codec = Codec(read_rate, write_rate or read_rate, ptime_ms, channels)
        read_format, write_format = codec.formats()
        name = uuid or str(uuid4())
        for variable, value in (variables or {}).items():
            encode(variable), encode(value)  # what can't be set is refused before there is a call
        handle = self._library.call_new(
            encode(name),
            _STATES[state],
            not media,
            ctypes.byref(read_format),
            ctypes.byref(write_format),
            sent_limit_bytes,
        )
        if handle is None:
            raise StandInError(f"There is a call {name} already")
        if outbound:
            self._library.call_place(handle, negotiated)
        call = Call(self._library, handle, name, codec)
        for variable, value in (variables or {}).items():
            call.set_variable(variable, value)
        with self._calls_lock:
            self._calls = [known for known in self._calls if not known._ended] + [call]
            if self._running:
                self._library.clock_add(handle)
        return call

    def _live_calls(self) -> list[Call]:
        with self._calls_lock:
            return [call for call in self._calls if not call._ended]

    def api(self, name: str, arguments: str = "") -> str:
        """Runs an API command on the calling thread, and returns what it printed."""
        return self._library.take_text(self._library.api(encode(name), encode(arguments))) or ""

    def execute_app(self, call: Call, name: str, data: str = "") -> None:
        """Runs a dialplan application; the calling thread is the session's meanwhile.

        Raises StandInError if none of this name is registered, CallGoneError after the hangup.
        """
        call._execute(name, data)

    def completions(self) -> list[str]:
        """What was registered for console completion, one line each."""
        lines: list[str] = []
        while (line := self._library.take_text(self._library.completion(len(lines)))) is not None:
            lines.append(line)
        return lines

    def complete(self, line: str) -> list[str]:
        """The words that the console would offer for the last word of `line`."""
        *typed, prefix = line.split(" ")
        offered: set[str] = set()
        for registered in self.completions():
            words = registered.split(" ")
            if len(words) > len(typed) and all(map(self._word_fits, words, typed)):
                offered.update(self._words_of(words[len(typed)]))
        return sorted(word for word in offered if word.startswith(prefix))

    def _words_of(self, word: str) -> list[str]:
        if word == LIST_UUID:
            return [call.uuid for call in self._live_calls() if call.state is not ChannelState.HANGUP]
        return word.removeprefix(_ANY_OF).split(":") if word.startswith(_ANY_OF) else [word]

    def _word_fits(self, word: str, typed: str) -> bool:
        return word == LIST_UUID or typed in self._words_of(word)

    # The real clock

    def run(self, threads: int = 1) -> None:
        """Starts the real clock on this many media threads, for all calls that are up and all that come.

        Raises StandInError if it runs.
        """
        if threads < 1:
            raise ValueError("The clock needs a thread")
        if not self._library.clock_run(threads):
            raise StandInError("The real clock runs already")
        with self._calls_lock:
            self._running = True
            for call in self._calls:
                self._library.clock_add(call._handle)

    def halt(self) -> None:
        """Stops the real clock; halting again does nothing."""
        with self._calls_lock:
            self._running = False
        self._library.clock_halt()

    # What comes out

    def events(self) -> list[Event]:
        """Takes all events."""
        taken: list[Event] = []
        while event := take_event(self._library, None, None, 0):
            taken.append(event)
        return taken

    def wait_event(self, subclass: str | None, uuid: str | None = None, timeout: float = 5.0) -> Event:
        """Takes the oldest event of this subclass (the part after `::` is enough) and channel, waiting for it.

        Events that do not match stay. Raises TimeoutError.
        """
        event = take_event(self._library, subclass, uuid, timeout)
        if event is None:
            raise TimeoutError(f"No event {subclass or 'at all'} within {timeout} s")
        return event

    @property
    def events_dropped(self) -> int:
        """Events lost because nobody took the first 100,000."""
        return int(self._library.events_dropped())

    def log(self) -> list[LogLine]:
        """Takes all lines of the log."""
        return take_log(self._library)

    def callback_times(self) -> CallbackTimes:
        """Snapshots of what was measured since the switch was opened, or reset_callback_times."""
        return CallbackTimes(*(self._times(which) for which in range(3)))

    def reset_callback_times(self) -> None:
        """Forgets what was measured."""
        self._library.times_reset()

    def _times(self, which: int) -> Histogram:
        count, total, longest = (ctypes.c_uint64() for _ in range(3))
        buckets = (ctypes.c_uint64 * HISTOGRAM_BUCKETS)()
        self._library.times(which, ctypes.byref(count), ctypes.byref(total), ctypes.byref(longest), buckets)
        return Histogram(count.value, total.value, longest.value, tuple(buckets))
