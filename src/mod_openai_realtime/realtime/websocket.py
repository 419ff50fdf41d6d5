"""One WebSocket connection, once it is open. With attempt.py the only module that knows the WebSocket library.

What the library leaves to its user is here: reserved bits, fragments, compression, the answer to a close frame, and a
bound on every wait for the peer.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from picows import WSCloseCode, WSFrame, WSListener, WSTransport
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in its stub

from .._media import Framing
from ..in_hand import InHand
from ..observe.printable import printable
from .assembler import TEXT, MessageAssembler, ProtocolViolationError
from .deflate import Agreement, Inflater, deflate
from .dial import UNACKNOWLEDGED_S
from .failures import ConnectError
from .receiving import TakeAudio
from .sending import BINARY, CONGESTED_BYTES, SendBuffer
from .share import BYTE_NS, FRAME_NS, RoundRobin, Share
from .unused_memory import WORTHWHILE_BYTES, release
from .utf_8 import is_utf_8

ABNORMAL_CLOSURE = 1006
POLICY_VIOLATION = 1008
NO_STATUS = 1005
NORMAL_CLOSURE = 1000

LINGER_S = 2.0
FRAME_ALLOWANCE = 4  # A frame up to so many times the limit is read and left out; a larger one ends the connection.

_LAST_DATA_OPCODE = 0x2
_CLOSE_OPCODE = 0x8
_PING_OPCODE = 0x9
_TURN = "turn"  # why reading is paused
# Of a frame: what is registered, without those that stand for its absence (1005, 1006, 1015).
_CLOSE_CODES = frozenset({*range(1000, 1004), *range(1007, 1015)})
_FREE_CLOSE_CODES = range(3000, 5000)
_CLOSE_REASON_BYTES = 123  # RFC 6455, section 5.5: 125 bytes less the code.

_log = logging.getLogger(__name__)


class WebSocketOwner(Protocol):
    """Told of everything; all calls come from the event loop. `websocket_lost` comes once, and last."""

    @property
    def websocket_audio(self) -> TakeAudio | None: ...
    @property
    def websocket_round_robin(self) -> RoundRobin: ...
    @property
    def websocket_in_hand(self) -> InHand: ...
    def websocket_opened(self, websocket: "WebSocket") -> None: ...
    def websocket_text(self, payload: bytes) -> None: ...
    def websocket_binary(self, payload: bytes) -> None: ...
    def websocket_dropped(self, why: str) -> None: ...
    def websocket_congested(self, congested: bool) -> None: ...
    def websocket_lost(self, code: int, reason: str) -> None: ...
    def websocket_failed(self, error: ConnectError) -> None: ...


@dataclass(slots=True)
class _Frame:
    opcode: int
    fin: bool
    rsv1: bool
    rsv23: bool
    payload: bytes


class WebSocket(WSListener):
    """An open connection.

    Over, for the owner, with the peer's close frame or the connection's loss, whichever comes first; the socket itself
    goes at most two seconds later.
    """

    # Seldom in the caches when a frame comes: in slots an attribute is one line of them less.
    __slots__ = (
        *("_aborting", "_assembler", "_closing", "_congested", "_deflates", "_framing", "_in_hand"),
        *("_looking", "_over", "_owed_pong", "_owner", "_reading_paused", "_round_robin", "_share", "_take_audio"),
        *("_timer", "_transport", "_waiting", "_waits", "lost_by"),
    )

    def __init__(self, owner: WebSocketOwner, max_message_bytes: int, agreement: Agreement | None) -> None:
        self._owner = owner
        self._transport: WSTransport | None = None
        self._framing: Framing | None = None  # until the end, which it would keep from being the end
        self._deflates = agreement is not None and agreement.client_deflates
        inflater = Inflater(agreement, FRAME_ALLOWANCE * max_message_bytes) if agreement else None
        self._assembler = MessageAssembler(max_message_bytes, inflater, owner.websocket_dropped)
        self._take_audio = owner.websocket_audio
        self._over = False
        self._closing = False
        self._aborting = False
        self._congested = False
        self._owed_pong: bytes | None = None  # for the newest ping that came while congested
        self._reading_paused: set[str] = set()  # reasons
        self._share = Share()
        self._round_robin = owner.websocket_round_robin
        self._in_hand = owner.websocket_in_hand
        self._waits = False  # for its next turn; until then nothing is worked off that comes
        self._waiting: deque[_Frame] | None = None  # for it: what of the last read is left
        self._timer: asyncio.TimerHandle | None = None  # _watch, and once aborting, the abort
        self.lost_by: Exception | None = None
        """What the kernel or the TLS library had to say about it; None where the peer just hung up."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes that the kernel has not taken yet."""
        if self._transport is None:
            return 0
        return self._transport.underlying_transport.get_write_buffer_size()

    def send_text(self, payload: bytes) -> None:
        """Send a message; never blocks. What the kernel does not take is kept: whoever sends looks at `buffered_bytes`
        first."""
        self._send(TEXT, payload)

    def send_binary(self, payload: bytes) -> None:
        self._send(BINARY, payload)

    @property
    def _sending(self) -> WSTransport | None:
        """None where nothing can be sent, or not any more."""
        return None if self._closing or self._over else self._transport

    def _send(self, opcode: int, payload: bytes | memoryview) -> None:
        framing = self._framing
        if framing is not None and not (self._closing or self._over):
            compressed = deflate(payload) if self._deflates else None
            if compressed is not None:
                framing.send_message(opcode, compressed, True)
            else:
                framing.send_message(opcode, payload)

    @property
    def send_buffer(self) -> SendBuffer | None:
        """See Endpoint.send_buffer."""
        if self._framing is None or self._closing or self._over:
            return None
        return self._send_buffer_deflated if self._deflates else self._framing.send

    def _send_buffer_deflated(self, opcode: int, buffer: bytearray, offset: int) -> None:
        self._send(opcode, memoryview(buffer)[offset:])

    def close(self, code: int, reason: str) -> None:
        """Send a close frame after all that was sent; the end is reported within two seconds. Once closed: no-op."""
        transport = self._sending
        if transport is None:
            return
        self._closing = True
        self._read_on()  # for the answer
        self._send_close(transport, code, reason)
        self._abort_soon(transport)

    def fail(self, reason: str) -> None:
        """End the connection at once, for what the peer does with it: close code 1008. Once closed or over: no-op."""
        transport = self._sending
        if transport is not None:
            self._send_close(transport, POLICY_VIOLATION, reason)
            self._end(transport, POLICY_VIOLATION, reason)

    def attend(self, take_audio: TakeAudio | None) -> None:
        """The owner asks another about audio from now on."""
        self._take_audio = take_audio

    def pause_reading(self, reason: str) -> None:
        """Read no more of the socket until resume_reading() for each reason that was given; what has been read already
        is still handed on."""
        if not self._reading_paused and self._transport is not None:
            self._transport.underlying_transport.pause_reading()
        self._reading_paused.add(reason)

    def resume_reading(self, reason: str) -> None:
        """The opposite; for a reason that was not given, nothing happens."""
        if reason in self._reading_paused:
            self._reading_paused.discard(reason)
            if not self._reading_paused and self._transport is not None:
                _resume_reading(self._transport.underlying_transport)

    # What the library calls.

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        # As the library itself writes: it copies what it can't send at once, and asks for no thread.
        write: Callable[[bytes | memoryview], object] = getattr(transport.underlying_transport, "write_nocheck")  # noqa: B009
        self._framing = Framing(write, transport, WSTransport.is_close_frame_sent)
        transport.underlying_transport.set_write_buffer_limits(CONGESTED_BYTES, CONGESTED_BYTES // 2)
        self._watch(transport)
        self._in_hand.begin()
        try:
            self._owner.websocket_opened(self)
        except Exception:
            _log.exception("Fault while a connection was reported")
        self._in_hand.end()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        in_hand = self._in_hand
        in_hand.memory[:] = in_hand.mark  # as begin() and end(), without their calls: with each frame
        try:
            opcode = int(frame.msg_type)  # type: ignore[call-overload]
            if self._over or (transport.is_close_frame_sent and not (self._closing and opcode == _CLOSE_OPCODE)):
                # The library goes on reading behind what it has refused; to a close of ours only the answer matters.
                return
            size = frame.payload_size
            if size > WORTHWHILE_BYTES:
                asyncio.get_running_loop().call_soon(self._release)
            if self._waits:
                if self._waiting is None:
                    self._waiting = deque()
                    self.pause_reading(_TURN)
                self._waiting.append(_copy(opcode, frame))
                return
            share = self._share
            share.left -= FRAME_NS + BYTE_NS * size  # as count(), without a call: nearly all that comes is audio
            if (
                opcode == TEXT
                and not (frame.rsv2 or frame.rsv3 or self._closing)
                and self._assembler.is_whole(opcode, frame.fin, frame.rsv1, size)
            ):
                if self._take_audio is None or not self._is_taken(frame.get_payload_as_memoryview()):
                    self._guarded(self._tell_text, frame.get_payload_as_bytes())
            else:
                self._guarded(self._handle, _copy(opcode, frame))
                if self._assembler.pending:
                    self._give_way()
                    return
            if share.left <= 0 and share.is_over():
                self._give_way()
        finally:
            in_hand.memory[0] = 0

    def _release(self) -> None:
        """What a large frame has lain in, and nothing lies in now."""
        transport = self._transport
        if transport is not None and not transport.is_disconnected:
            protocol = transport.underlying_transport.get_protocol()
            if isinstance(protocol, WSProtocol):
                release(WSProtocol.get_buffer(protocol, -1))

    def _is_taken(self, payload: memoryview) -> bool:
        """Whether it is audio, and has been taken from where it lies."""
        assert self._take_audio is not None
        try:
            return self._take_audio(payload)
        except Exception:
            _log.exception("Fault while an incoming message was handled")
            return True

    def _give_way(self) -> None:
        """What comes next comes after all others have had their turn. Reading is paused only if something does: who is
        seldom heard of has long had another turn by then."""
        self._waits = True
        self._round_robin.wait(self._work_off)

    def _work_off(self) -> bool:
        """A turn; whether there is more."""
        self._in_hand.begin()
        more = self._work_off_in_hand()
        self._in_hand.end()
        return more

    def _work_off_in_hand(self) -> bool:
        share = self._share
        share.renew()
        while not self._over and (self._assembler.pending or self._waiting):
            if share.left <= 0:
                return True
            if self._assembler.pending:
                self._guarded(self._inflate)
            elif self._waiting:
                frame = self._waiting.popleft()
                size = len(frame.payload)
                share.count(size)
                if (
                    frame.opcode != TEXT
                    or frame.rsv23
                    or self._take_audio is None
                    or self._closing
                    or not self._assembler.is_whole(frame.opcode, frame.fin, frame.rsv1, size)
                    or not self._is_taken(memoryview(frame.payload))
                ):
                    self._guarded(self._handle, frame)
        self._waits, self._waiting = False, None
        self.resume_reading(_TURN)
        return False

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        self._share.begin()
        try:
            work(*arguments)
        except ProtocolViolationError as error:
            self._fail_for(error)
        except Exception:
            # A fault of ours in one message is no reason to lose the conversation. No payload is in the trace.
            _log.exception("Fault while an incoming message was handled")
        self._share.end()

    def _handle(self, frame: _Frame) -> None:
        transport, opcode = self._transport, frame.opcode
        assert transport is not None
        if frame.rsv23:
            raise ProtocolViolationError(1002, "reserved bit set")
        if opcode <= _LAST_DATA_OPCODE:
            if not self._closing:
                self._tell(self._assembler.feed(opcode, frame.fin, frame.rsv1, frame.payload))
                while self._assembler.pending and self._share.left > 0:
                    self._inflate()
        elif frame.rsv1:
            raise ProtocolViolationError(1002, "reserved bit on a control frame")
        elif opcode == _PING_OPCODE:
            self._pong(transport, frame.payload)
        elif opcode == _CLOSE_OPCODE:
            self._take_close(transport, frame.payload)

    def _inflate(self) -> None:
        message = self._assembler.go_on()
        self._share.count(self._assembler.inflated)
        if not self._closing:
            self._tell(message)

    def _tell(self, message: tuple[int, bytes] | None) -> None:
        if message is None:
            return
        kind, payload = message
        if kind == TEXT:
            self._tell_text(payload)
        else:
            self._owner.websocket_binary(payload)

    def _tell_text(self, payload: bytes) -> None:
        if not is_utf_8(payload):
            raise ProtocolViolationError(1007, "a text is not UTF-8")
        self._owner.websocket_text(payload)

    def _fail_for(self, error: ProtocolViolationError) -> None:
        transport = self._transport
        if transport is not None and not self._over:
            if not self._closing:
                self._send_close(transport, error.code, str(error))
            self._end(transport, ABNORMAL_CLOSURE, f"Protocol error: {error}")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._framing = None
        self._cancel_timer()
        self._looking = asyncio.get_running_loop().create_task(_look_at_end(transport))
        if not self._over:
            self._in_hand.begin()
            try:
                self._report_end(ABNORMAL_CLOSURE, self._loss_reason(transport))
            except Exception:
                _log.exception("Fault while the loss of a connection was reported")
            self._in_hand.end()

    def pause_writing(self) -> None:
        self._congested = True  # the library says so once, until writing is resumed
        self._owner.websocket_congested(True)

    def resume_writing(self) -> None:
        self._congested = False
        self._owner.websocket_congested(False)
        payload, self._owed_pong = self._owed_pong, None
        if payload is not None and self._transport is not None:
            self._pong(self._transport, payload)

    def _pong(self, transport: WSTransport, payload: bytes) -> None:
        """Answer a ping. To a peer that does not read, only the newest has to be answered (RFC 6455, section 5.5.3)."""
        if self._congested:
            self._owed_pong = payload
        else:
            transport.send_pong(payload)

    def _take_close(self, transport: WSTransport, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_STATUS
        if code != NO_STATUS or payload:
            _check_close_code(code)
        reason = printable(payload[2:].decode("utf-8", "replace"))
        if not self._closing:
            self._send_close(transport, NORMAL_CLOSURE if code == NO_STATUS else code, "")
        self._end(transport, code, reason)

    def _send_close(self, transport: WSTransport, code: int, reason: str) -> None:
        text = reason.encode()[:_CLOSE_REASON_BYTES].decode("utf-8", "ignore")
        transport.send_close(code, text.encode())  # type: ignore[arg-type]

    def _read_on(self) -> None:
        for paused in list(self._reading_paused):
            self.resume_reading(paused)

    def _end(self, transport: WSTransport, code: int, reason: str) -> None:
        self._read_on()  # TLS wants an answer, and a transport that is closed reads on no more
        transport.disconnect()
        self._abort_soon(transport)
        self._report_end(code, reason)

    def _report_end(self, code: int, reason: str) -> None:
        self._over = True
        self._waiting = None
        self._owner.websocket_lost(code, reason)

    def _watch(self, transport: WSTransport) -> None:
        """A connection that the library is failing: a peer that reads nothing must not keep it open."""
        if transport.is_close_frame_sent:
            self._abort_soon(transport)
        else:
            self._timer = asyncio.get_running_loop().call_later(LINGER_S, self._watch, transport)

    def _abort_soon(self, transport: WSTransport) -> None:
        if not self._aborting and not transport.is_disconnected:
            self._aborting = True
            self._cancel_timer()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LINGER_S, transport.disconnect, False)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _loss_reason(self, transport: WSTransport) -> str:
        """Why the connection went without a close frame of the peer's."""
        if self._closing:
            return "No answer to the close frame"
        handshake = transport.close_handshake
        if handshake is None or handshake.sent is None:
            vanished = isinstance(self.lost_by, TimeoutError)
            return f"Nothing acknowledged for {UNACKNOWLEDGED_S} s" if vanished else "Connection lost"
        if handshake.sent.code == WSCloseCode.GOING_AWAY:
            return "Ping timeout"
        return f"Protocol error: {printable(handshake.sent.reason or 'invalid frame')}"


async def _look_at_end(transport: WSTransport) -> None:
    """The library keeps why it has ended a connection, and it would be logged with a trace if nobody asked for it."""
    with contextlib.suppress(Exception):
        await transport.wait_disconnected()


def _resume_reading(transport: asyncio.Transport) -> None:
    transport.resume_reading()
    # The TLS layer (aiofastnet 1.2) then looks at the socket alone. What it had taken from there before, and not handed
    # on when it was paused, would lie there until the server sends more: the last messages of a burst.
    read_on = getattr(transport, "_retry_ssl_read", None)
    if read_on is not None:
        asyncio.get_running_loop().call_soon(read_on)


def _copy(opcode: int, frame: WSFrame) -> _Frame:
    reserved = bool(frame.rsv2 or frame.rsv3)
    return _Frame(opcode, bool(frame.fin), bool(frame.rsv1), reserved, frame.get_payload_as_bytes())


def _check_close_code(code: int) -> None:
    """Raises ProtocolViolationError for one that no frame may have (RFC 6455, section 7.4)."""
    if not (code in _CLOSE_CODES or code in _FREE_CLOSE_CODES):
        raise ProtocolViolationError(1002, f"a close frame has the code {code}")
