"""One call on the stand-in switch."""

import ctypes
import weakref
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from .errors import CallGoneError, StandInError
from .library import BAD_FRAME, GONE, NOTHING_SENT, Library, MediaFormat, encode, frame_buffer

RATES = (8000, 16000, 24000, 32000, 48000)
PTIMES_MS = (10, 20, 30, 40)
SILENCE = b""
"""As the channel's own audio: one frame of silence."""
SENT_LIMIT_BYTES = 32 << 20


class ChannelState(IntEnum):
    """`enum channel_state`."""

    RINGING = 0
    EARLY = 1
    ANSWERED = 2
    HANGUP = 3


class Hold(IntEnum):
    """`enum hold`: who has put the channel on hold."""

    NONE = 0
    BY_CALLER = 1
    BY_SWITCH = 2


class DigitSource(IntEnum):
    """How a digit has come."""

    INBAND = 1
    RTP = 2
    INFO = 3


class FrameBytes(NamedTuple):
    """Bytes of pcm16 in one frame that the channel reads, and in one that it writes."""

    read: int
    write: int


@dataclass(frozen=True)
class Codec:
    """What a channel's media is: rates in Hz, packet time in ms; pcm16 with 1 or 2 channels."""

    read_rate: int
    write_rate: int
    ptime_ms: int
    channels: int = 1

    def __post_init__(self) -> None:
        if self.read_rate not in RATES or self.write_rate not in RATES:
            raise ValueError(f"Rates are {RATES}, not {self.read_rate} and {self.write_rate}")
        if self.ptime_ms not in PTIMES_MS or self.channels not in (1, 2):
            raise ValueError(f"No such packets: {self.ptime_ms} ms, {self.channels} channels")

    def formats(self) -> tuple[MediaFormat, MediaFormat]:
        """Of what is read, and of what is written."""
        return (
            MediaFormat(self.read_rate, self.ptime_ms, self.channels),
            MediaFormat(self.write_rate, self.ptime_ms, self.channels),
        )

    @property
    def frame_bytes(self) -> FrameBytes:
        factor = self.ptime_ms * self.channels * 2
        return FrameBytes(self.read_rate // 1000 * factor, self.write_rate // 1000 * factor)


class Call:
    """A session with its channel; made by StandIn.call.

    Methods may be called from any thread. Those that need the channel raise CallGoneError after the hangup; counters
    and what was sent stay readable.
    """

    def __init__(self, library: Library, handle: int, uuid: str, codec: Codec) -> None:
        self._library = library
        self._handle = handle
        self.uuid = uuid
        self._codec = codec
        self._writer_bytes = codec.frame_bytes.write
        self._ended = False
        # Not at the hangup: what was sent can still be read after it.
        weakref.finalize(self, library.call_free, handle)

    def _check(self, result: int) -> int:
        if result == GONE:
            raise CallGoneError(f"{self.uuid} has been hung up")
        return result

    @property
    def codec(self) -> Codec:
        """The current one."""
        return self._codec

    @property
    def frame_bytes(self) -> FrameBytes:
        """Sizes of the frames that `step` takes. What it returns is of the codec's size."""
        return FrameBytes(self._codec.frame_bytes.read, self._writer_bytes)

    @property
    def state(self) -> ChannelState:
        """Where the channel is now."""
        return ChannelState(self._library.call_state(self._handle))

    @property
    def bug_count(self) -> int:
        """How many media bugs are on the channel; 0 after the hangup."""
        return int(self._library.call_bug_count(self._handle))

    def step(self, pcm_in: bytes | None, channel_audio: bytes | None = SILENCE) -> bytes | None:
        """One packet time of the stepped clock, on the calling thread.

        `pcm_in` is one frame of what the caller says; None: no packet came, and the bugs get comfort noise (0xff
        bytes). `channel_audio` is the frame that the channel would send by itself; None: it sends nothing, as when
        parked, and nothing asks the bugs to replace it. Returns the frame that the channel really sends, None if it
        sends none; without media (ringing) nothing passes either way. Raises ValueError if a frame has not the
        channel's size.
        """
        if channel_audio == SILENCE:
            channel_audio = bytes(self.frame_bytes.write)
        sent = frame_buffer()
        size = self._library.call_step(
            self._handle, pcm_in, len(pcm_in or b""), channel_audio, len(channel_audio or b""), sent
        )
        self._check(size)
        if size == BAD_FRAME:
            raise ValueError(f"Frames of this call have {self.frame_bytes} bytes")
        return None if size == NOTHING_SENT else bytes(sent[:size])

    def set_codec(
        self, read_rate: int, write_rate: int | None = None, ptime_ms: int | None = None, *, same_writer: bool = False
    ) -> None:
        """Changes the codec between two frames, as a re-INVITE does. `write_rate` is `read_rate` if None.

        With `same_writer` what writes to the channel goes on with frames of the size that it began with, as
        FreeSWITCH's applications do; otherwise its frames are of the new codec.
        """
        codec = Codec(read_rate, write_rate or read_rate, ptime_ms or self._codec.ptime_ms, self._codec.channels)
        read_format, write_format = codec.formats()
        formats = ctypes.byref(read_format), ctypes.byref(write_format)
        self._check(self._library.call_set_formats(self._handle, *formats, same_writer))
        self._codec = codec
        if not same_writer:
            self._writer_bytes = codec.frame_bytes.write

    def relabel_writer(self) -> None:
        """Has the writer's frame bear the channel's own codec from now on.

        FreeSWITCH does that behind a media bug that can replace frames; another module's may have been there.
        """
        self._library.call_relabel_writer(self._handle)

    def set_variable(self, name: str, value: str | None) -> None:
        """Sets a channel variable; None or "" takes it away."""
        text = None if value is None else encode(value)
        self._check(self._library.call_set_variable(self._handle, encode(name), text))

    def variable(self, name: str) -> str | None:
        """A channel variable; None if it isn't set, or the call is gone."""
        return self._library.take_text(self._library.call_variable(self._handle, encode(name)))

    def negotiate(self) -> None:
        """Sets the codecs of a channel that was made without."""
        self._check(self._library.call_negotiate(self._handle))

    def answer(self) -> None:
        """Answers the call, from ringing or early media."""
        self._check(self._library.call_answer(self._handle))

    def break_application(self) -> None:
        """As `uuid_break` does: what runs on the session's thread is to end."""
        self._check(self._library.call_end_application(self._handle, 0))

    def transfer(self) -> None:
        """The channel is to do something else: what runs on its thread ends, and the channel goes on."""
        self._check(self._library.call_end_application(self._handle, 1))

    def leave_when_tapped(self, *, transfer: bool) -> None:
        """Transfers or hangs up the channel in the moment in which the next media bug is added to it.

        That is before whoever adds it can do anything more. `hangup` is still to be called after a hangup.
        """
        self._check(self._library.call_leave_when_tapped(self._handle, transfer))

    def hold(self, by: Hold = Hold.BY_CALLER) -> None:
        """Puts an answered call on hold, from the next step on.

        The caller does it by a re-INVITE (`sendonly` or `inactive`): what the channel writes still goes through the
        media bugs, and is not sent. The switch does it by `uuid_hold`: no frame goes anywhere. Either way nothing that
        is said is read.
        """
        self._check(self._library.call_hold(self._handle, by))

    def unhold(self) -> None:
        """Takes it off hold."""
        self._check(self._library.call_hold(self._handle, Hold.NONE))

    def dial(self, digits: str, duration_ms: int = 100, source: DigitSource = DigitSource.RTP) -> int:
        """The caller presses these keys ("": none). Returns how many wait for an application to take them."""
        return self._check(self._library.call_dial(self._handle, encode(digits), duration_ms, source))

    def hangup(self) -> None:
        """Hangs up: closes the bugs on the calling thread, waits until nobody holds the session, destroys it.

        Hanging up again does nothing.
        """
        self._library.call_hangup(self._handle)
        self._ended = True

    # The real clock

    def feed(self, pcm: bytes, loop: bool = False) -> None:
        """What the caller says under the real clock, from its next step on; silence after its end."""
        self._library.call_feed(self._handle, 0, pcm, len(pcm), loop)

    def feed_more(self, pcm: bytes) -> int:
        """The caller says this behind what there is to say. Returns how many bytes of that were left."""
        return int(self._library.call_feed_more(self._handle, pcm, len(pcm)))

    def feed_channel(self, pcm: bytes, loop: bool = False) -> None:
        """What the channel would send by itself under the real clock; silence after its end."""
        self._library.call_feed(self._handle, 1, pcm, len(pcm), loop)

    def set_sends(self, sends: bool) -> None:
        """Whether the channel sends at all under the real clock; False is a parked channel."""
        self._library.call_set_sends(self._handle, sends)

    def sent(self) -> bytes:
        """Takes what the channel sent under the real clock since the last time, within the bound of StandIn.call."""
        size = self._library.call_sent_bytes(self._handle)
        buffer = ctypes.create_string_buffer(size)
        taken = self._library.call_take_sent(self._handle, buffer, size)
        return buffer.raw[:taken]

    @property
    def sent_dropped_bytes(self) -> int:
        """What was sent beyond the bound."""
        return int(self._library.call_sent_dropped(self._handle))

    @property
    def steps(self) -> int:
        """Steps made so far, under either clock."""
        return int(self._library.call_steps(self._handle))

    def wait_steps(self, more: int, timeout: float = 10.0) -> None:
        """Waits until the real clock has made `more` steps. Raises TimeoutError, or CallGoneError on a hangup."""
        if not self._library.call_wait_steps(self._handle, self.steps + more, int(timeout * 1e9)):
            if self.state is ChannelState.HANGUP:
                raise CallGoneError(f"{self.uuid} has been hung up")
            raise TimeoutError(f"{self.uuid} did not make {more} steps in {timeout} s")

    @property
    def late_max_ns(self) -> int:
        """The latest that the real clock has stepped this call after its time."""
        return int(self._library.call_late_max_ns(self._handle))

    @property
    def skipped_steps(self) -> int:
        """Steps that the real clock gave up, being more than a second late."""
        return int(self._library.call_skipped(self._handle))

    def _execute(self, name: str, data: str) -> None:
        found = self._check(self._library.application(self._handle, encode(name), encode(data)))
        if not found:
            raise StandInError(f"No application {name!r} is registered")
