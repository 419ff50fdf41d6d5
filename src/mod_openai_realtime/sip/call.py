"""One call from the caller's end: SIP over UDP on 127.0.0.1 (RFC 3261), and media by an RtpParty."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import quote

from .message import Request, Response, parsed
from .rtp import RtpParty
from .sdp import answered_direction, media_port, offer

_T1_S = 0.5
"""Between the first two sendings of what is not answered (RFC 3261, 17.1.1.1)."""
_TRIES = 7
_OK, _MULTIPLE = 200, 300
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
        self._target = f"sip:{quote(number, safe='+*#')}@{address[0]}:{address[1]}"
        self._remote, self._to_tag = self._target, ""
        self._caller = caller
        self._party = party
        self._ended = ended
        self._is_over = False
        self._sequence = 0
        self._invite = ""
        self._tag = secrets.token_hex(8)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._answered: asyncio.Future[None] = self._loop.create_future()
        self._resending: dict[str, asyncio.TimerHandle] = {}
        self._versions = 0

    # -- what the caller does

    async def begin(self, headers: Mapping[str, str], timeout_s: float) -> None:
        """Calls, and returns when the call is answered. Raises CallRefusedError or TimeoutError."""
        self._transport, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._invite = self._request("INVITE", {**headers, "Content-Type": "application/sdp"}, self._sdp())
        self._send_again("INVITE", self._invite)
        async with asyncio.timeout(timeout_s):
            await self._answered

    def hang_up(self) -> None:
        """Before the answer: gives up. Again, or after the far end did: does nothing."""
        if self._is_over or self._transport is None:
            return
        if self._answered.done() and self._answered.exception() is None:
            self._send_again("BYE", self._request("BYE"))
        else:
            cancel = re.sub(r"^INVITE ", "CANCEL ", self._invite.partition("\r\nContent-Type")[0])
            self._send(re.sub(r"(CSeq: \d+) INVITE", r"\1 CANCEL", cancel) + "\r\nContent-Length: 0\r\n\r\n")
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
        method = response.header("CSeq").partition(" ")[2]
        timer = self._resending.pop(method, None)
        if timer is not None:
            timer.cancel()
        if method != "INVITE":
            return
        self._learn(response)
        if response.status < _OK:
            return
        self._send(self._ack(response))
        if self._answered.done():
            return
        if response.status < _MULTIPLE:
            self._answered.set_result(None)
        else:
            self._answered.set_exception(CallRefusedError(f"{response.status} {response.reason}"))
            self._end()

    def _learn(self, response: Response) -> None:
        """Of the far end: its tag, where it is, and its media."""
        tag = re.search(r";tag=([^;\s]+)", response.header("To"))
        self._to_tag = f";tag={tag[1]}" if tag else self._to_tag
        contact = re.search(r"<(sip:[^>]+)>", response.header("Contact"))
        self._remote = contact[1] if contact else self._remote
        self._connect(response.body)

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
                sdp = self._sdp(answered_direction(request.body))
                self._send(request.response(200, "OK", self._contact, sdp))
            case "REFER":
                self.referred_to = request.header("Refer-To").strip("<> ")
                self._send(request.response(202, "Accepted", self._contact))
                done = {"Event": "refer", "Subscription-State": "terminated;reason=noresource"}
                self._send(self._request("NOTIFY", {**done, "Content-Type": "message/sipfrag"}, "SIP/2.0 200 OK\r\n"))
            case method if method in _TAKEN:
                self._send(request.response(200, "OK", self._contact))
                if method == "BYE":
                    self._end()
            case _:
                self._send(request.response(501, "Not Implemented", self._contact))

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended()

    # -- messages

    @property
    def _contact(self) -> str:
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        return f"<sip:caller@{host}:{port}>"

    def _sdp(self, direction: str = "sendrecv") -> str:
        self._versions += 1
        return offer(self._party.format, self._party.port, self._versions, direction)

    def _request(self, method: str, headers: Mapping[str, str] | None = None, body: str = "") -> str:
        self._sequence += 1
        return self._message(method, self._sequence, secrets.token_hex(8), headers or {}, body)

    def _ack(self, response: Response) -> str:
        """Of a refusal it is of the INVITE's transaction (RFC 3261, 17.1.1.3)."""
        branch = re.search(r"branch=z9hG4bK([^;\s]+)", self._invite)
        assert branch is not None
        number = int(response.header("CSeq").split()[0])
        own = secrets.token_hex(8) if response.status < _MULTIPLE else branch[1]
        return self._message("ACK", number, own, {}, "")

    def _message(self, method: str, sequence: int, branch: str, headers: Mapping[str, str], body: str) -> str:
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        name = re.sub(r'[\x00-\x1f"\\]', "", self._caller)
        lines = [
            f"{method} {self._target if method == 'INVITE' else self._remote} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{branch}",
            f'From: "{name}" <sip:{quote(self._caller, safe="+*#") or "anonymous"}@{host}:{port}>;tag={self._tag}',
            f"To: <{self._target}>{self._to_tag}",
            f"Call-ID: {self.uuid}",
            f"CSeq: {sequence} {method}",
            f"Contact: {self._contact}",
            "Max-Forwards: 70",
            *(f"{key}: {value}" for key, value in headers.items()),
            f"Content-Length: {len(body.encode())}",
        ]
        return "\r\n".join([*lines, "", body])

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
