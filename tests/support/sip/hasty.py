"""Callers who change their mind: BYE some milliseconds after the answer, CANCEL while it is under way. No audio."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

_SDP = "v=0\r\no=caller 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
_FINAL = 200


@dataclass
class HastyCall:
    """One call. Its Call-ID, which is the channel's uuid, is made here; what comes later is noted by the callers."""

    delay_ms: float
    """Until the BYE, after the answer; with `cancels`, until the CANCEL, after the INVITE."""
    cancels: bool = False
    stays: bool = False
    """Leaves the call up after the answer: something else ends it."""
    uuid: str = field(default_factory=lambda: uuid.uuid4().hex)
    final_status: int = 0
    """Of the INVITE."""
    tag: str = ""


class HastyCallers(asyncio.DatagramProtocol):
    """Makes calls from one UDP port, all to the same destination, and sees each through to its end."""

    def __init__(self, address: tuple[str, int], destination: str, headers: Mapping[str, str]) -> None:
        self._address = address
        self._destination = destination
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._calls: dict[str, HastyCall] = {}
        self._over: dict[str, asyncio.Event] = {}
        self._answered: Callable[[HastyCall], object] = lambda call: None
        self._transport: asyncio.DatagramTransport | None = None

    def make(
        self,
        calls: Iterable[HastyCall],
        every_ms: float,
        answered: Callable[[HastyCall], object] = lambda call: None,
        timeout_s: float = 120,
    ) -> None:
        """Makes one call each `every_ms`, and returns when all are over. `answered` is told of each as it is answered,
        on the event loop. Raises TimeoutError."""
        self._answered = answered
        asyncio.run(self._make(list(calls), every_ms, timeout_s))

    async def _make(self, calls: list[HastyCall], every_ms: float, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        for number, call in enumerate(calls):
            self._calls[call.uuid] = call
            self._over[call.uuid] = asyncio.Event()
            loop.call_later(number * every_ms / 1000, self._invite, call)
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*(over.wait() for over in self._over.values()))
        finally:
            self._transport.close()

    # -- what happens to a call

    def _invite(self, call: HastyCall) -> None:
        self._send(call, "INVITE", 1, f"Content-Type: application/sdp\r\n{self._headers}", _SDP)
        if call.cancels:
            asyncio.get_running_loop().call_later(call.delay_ms / 1000, partial(self._cancel, call))

    def _cancel(self, call: HastyCall) -> None:
        if not call.final_status:
            self._send(call, "CANCEL", 1)

    def datagram_received(self, data: bytes, _: object) -> None:
        text = data.decode()
        found = re.search(r"^Call-ID: *(\S+)", text, re.M | re.I)
        call = self._calls.get(found[1]) if found else None
        if call is None:
            return
        if not text.startswith("SIP/2.0 "):
            self._answer_request(call, text)
            return
        status, sequence = int(text[8:11]), re.search(r"^CSeq: *\d+ (\w+)", text, re.M | re.I)
        assert sequence is not None
        if sequence[1] == "INVITE" and status >= _FINAL:
            self._final(call, status, text)
        elif sequence[1] == "BYE":
            self._over[call.uuid].set()

    def _final(self, call: HastyCall, status: int, text: str) -> None:
        again, call.final_status = call.final_status != 0, status
        tag = re.search(r"^To:.*;tag=([^;\s]+)", text, re.M | re.I)
        call.tag = f";tag={tag[1]}" if tag else ""
        self._send(call, "ACK", 1)
        if status != _FINAL:
            self._over[call.uuid].set()
        elif not again:
            self._answered(call)
            if not call.stays:
                delay_ms = 0 if call.cancels else call.delay_ms
                asyncio.get_running_loop().call_later(delay_ms / 1000, partial(self._send, call, "BYE", 2))

    def _answer_request(self, call: HastyCall, text: str) -> None:
        kept = re.findall(r"^(?:Via|From|To|Call-ID|CSeq):.*$", text, re.M | re.I)
        answer = "\r\n".join(["SIP/2.0 200 OK", *(line.strip() for line in kept), "Content-Length: 0", "", ""])
        self._put(answer)
        if text.startswith("BYE "):
            self._over[call.uuid].set()

    # -- messages

    def _send(self, call: HastyCall, method: str, sequence: int, headers: str = "", body: str = "") -> None:
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        # A CANCEL, and the ACK of a refusal, are of the INVITE's transaction (RFC 3261, 9.1 and 17.1.1.3).
        own_branch = method == "BYE" or (method == "ACK" and call.final_status == _FINAL)
        self._put(
            f"{method} sip:{self._destination}@{self._address[0]}:{self._address[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{call.uuid}{method if own_branch else ''}\r\n"
            f"From: <sip:caller@{host}:{port}>;tag={call.uuid}\r\n"
            f"To: <sip:{self._destination}@{self._address[0]}:{self._address[1]}>"
            f"{call.tag if method in ('ACK', 'BYE') else ''}\r\n"
            f"Call-ID: {call.uuid}\r\nCSeq: {sequence} {method}\r\nContact: <sip:caller@{host}:{port}>\r\n"
            f"Max-Forwards: 70\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _put(self, text: str) -> None:
        assert self._transport is not None
        self._transport.sendto(text.encode(), self._address)
