"""One call from the caller's end: SIP over UDP on 127.0.0.1 (RFC 3261), and media by an RtpParty."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import quote

from .dialog import Dialog
from .message import Request, Response, parsed
from .rtp import RtpParty
from .sdp import answered_direction, media_port, offer

_T1_S = 0.5
"""Between the first two sendings of what is not answered (RFC 3261, 17.1.1.1)."""
_TRIES = 7
_MULTIPLE_CHOICES = 300
_TAKEN = frozenset({"BYE", "INFO", "MESSAGE", "NOTIFY", "OPTIONS", "UPDATE"})


class CallRefusedError(Exception):
    """The call was not answered; the text says what the far end gave as the reason."""


class SipCall(asyncio.DatagramProtocol):
    """`begin` makes the call. `uuid` is its Call-ID. Everything happens on the event loop that made it."""

    def __init__(
        self, address: tuple[str, int], number: str, caller: str, party: RtpParty, ended: Callable[[], object]
    ) -> None:
        """`number` is who is called at `address`, and `caller` who calls. `ended` is told of the end, whoever has hung
        up."""
        self.uuid = secrets.token_hex(16)
        self.referred_to: str | None = None
        """A URI: where the far end wants the caller to call (REFER)."""
        self._address = address
        self._number = number
        self._caller = caller
        self._party = party
        self._ended = ended
        self._is_over = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._dialog: Dialog  # once there is a port
        self._answered: asyncio.Future[None] = self._loop.create_future()
        self._resending: dict[str, asyncio.TimerHandle] = {}
        self._versions = 0

    # -- what the caller does

    async def begin(self, headers: Mapping[str, str], timeout_s: float) -> None:
        """Calls, and returns when the call is answered. Raises CallRefusedError or TimeoutError."""
        self._transport, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        host, port = self._transport.get_extra_info("sockname")
        self._dialog = self._begun(f"{host}:{port}")
        invite = self._dialog.request("INVITE", {**headers, "Content-Type": "application/sdp"}, self._sdp())
        self._send_again("INVITE", invite)
        async with asyncio.timeout(timeout_s):
            await self._answered

    def hang_up(self) -> None:
        """Before the answer: gives up. Again, or after the far end did: does nothing."""
        if self._is_over or self._transport is None:
            return
        if self._answered.done() and self._answered.exception() is None:
            self._send_again("BYE", self._dialog.request("BYE"))
        else:
            self._send(self._dialog.cancel())
        self._end()

    def close(self) -> None:
        """Nothing is sent or received any more."""
        for timer in self._resending.values():
            timer.cancel()
        if self._transport is not None:
            self._transport.close()

    # -- what comes

    def datagram_received(self, data: bytes, _address: object) -> None:
        message = parsed(data)
        if message is None or message.header("Call-ID") != self.uuid:
            return
        if isinstance(message, Response):
            self._response(message)
        else:
            self._requested(message)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there (any more)."""
        self._end()

    def _response(self, response: Response) -> None:
        timer = self._resending.pop(response.of, None)
        if timer is not None:
            timer.cancel()
        acknowledgement = self._dialog.acknowledgement(response)
        if response.of != "INVITE":
            return
        self._connect(response.body)
        if acknowledgement is None:
            return
        self._send(acknowledgement)
        if self._answered.done():
            return
        if response.status < _MULTIPLE_CHOICES:
            self._answered.set_result(None)
        else:
            self._answered.set_exception(CallRefusedError(f"{response.status} {response.reason}"))
            self._end()

    def _connect(self, sdp: str) -> None:
        port = media_port(sdp)
        if port is not None:
            self._party.connect(port)

    def _requested(self, request: Request) -> None:
        match request.method:
            case "ACK":
                return
            case "INVITE":
                self._connect(request.body)
                self._respond(request, 200, self._sdp(answered_direction(request.body)))
            case "REFER":
                self.referred_to = request.header("Refer-To").strip("<> ")
                self._respond(request, 202)
                done = {"Event": "refer", "Subscription-State": "terminated;reason=noresource"}
                sipfrag = {**done, "Content-Type": "message/sipfrag"}
                self._send(self._dialog.request("NOTIFY", sipfrag, "SIP/2.0 200 OK\r\n"))
            case method if method in _TAKEN:
                self._respond(request, 200)
                if method == "BYE":
                    self._end()
            case _:
                self._respond(request, 501)

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended()

    # -- messages

    def _begun(self, own: str) -> Dialog:
        """`own`: host and port of this end."""
        target = f"sip:{quote(self._number, safe='+*#')}@{self._address[0]}:{self._address[1]}"
        name = re.sub(r'[\x00-\x1f"\\]', "", self._caller)
        caller = f'"{name}" <sip:{quote(self._caller, safe="+*#") or "anonymous"}@{own}>'
        return Dialog.begun(self.uuid, target, caller, f"sip:caller@{own}")

    def _sdp(self, direction: str = "sendrecv") -> str:
        self._versions += 1
        return offer(self._party.format, self._party.port, self._versions, direction)

    def _respond(self, request: Request, status: int, sdp: str = "") -> None:
        self._send(self._dialog.response(request, status, sdp))

    def _send_again(self, method: str, text: str, tries: int = 0) -> None:
        """Until there is an answer; without one the call is over."""
        if tries == _TRIES:
            self._end()
            return
        self._send(text)
        delay_s = _T1_S * 2**tries
        self._resending[method] = self._loop.call_later(delay_s, self._send_again, method, text, tries + 1)

    def _send(self, text: str) -> None:
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.sendto(text.encode(), self._address)
