"""Callers who change their mind: BYE some milliseconds after the answer, CANCEL while it is under way. No audio."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mod_openai_realtime.sip.dialog import Dialog
from mod_openai_realtime.sip.message import Request, parsed

_SDP = "v=0\r\no=caller 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
_OK = 200
_T1_S = 0.5


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


class HastyCallers(asyncio.DatagramProtocol):
    """Makes calls from one UDP port, all to the same destination, and sees each through to its end."""

    def __init__(self, address: tuple[str, int], destination: str, headers: Mapping[str, str]) -> None:
        self._address = address
        self._destination = destination
        self._headers = headers
        self._calls: dict[str, HastyCall] = {}
        self._dialogs: dict[str, Dialog] = {}
        self._heard: set[str] = set()
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
        host, port = self._transport.get_extra_info("sockname")
        own, target = f"sip:caller@{host}:{port}", "sip:{}@{}:{}".format(self._destination, *self._address)
        for number, call in enumerate(calls):
            self._dialogs[call.uuid] = Dialog.begun(call.uuid, target, f"<{own}>", own)
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
        headers = {**self._headers, "Content-Type": "application/sdp"}
        self._say(self._dialogs[call.uuid].request("INVITE", headers, _SDP), lambda: call.uuid in self._heard)
        if call.cancels:
            asyncio.get_running_loop().call_later(call.delay_ms / 1000, self._cancel, call)

    def _cancel(self, call: HastyCall) -> None:
        if not call.final_status:
            self._send(self._dialogs[call.uuid].cancel())

    def _hang_up(self, call: HastyCall) -> None:
        self._say(self._dialogs[call.uuid].request("BYE"), self._over[call.uuid].is_set)

    def datagram_received(self, data: bytes, _: object) -> None:
        message = parsed(data)
        call = message and self._calls.get(message.header("Call-ID"))
        if message is None or call is None:
            return
        self._heard.add(call.uuid)
        if isinstance(message, Request):
            self._answer_request(call, message)
        elif message.of == "BYE":
            self._over[call.uuid].set()
        elif acknowledgement := self._dialogs[call.uuid].acknowledgement(message):
            self._send(acknowledgement)
            self._final(call, message.status)

    def _final(self, call: HastyCall, status: int) -> None:
        again, call.final_status = call.final_status != 0, status
        if status != _OK:
            self._over[call.uuid].set()
        elif not again:
            self._answered(call)
            if not call.stays:
                delay_ms = 0 if call.cancels else call.delay_ms
                asyncio.get_running_loop().call_later(delay_ms / 1000, self._hang_up, call)

    def _answer_request(self, call: HastyCall, request: Request) -> None:
        if request.method == "ACK":
            return
        self._send(self._dialogs[call.uuid].response(request, _OK))
        if request.method == "BYE":
            self._over[call.uuid].set()

    def _say(self, text: str, answered: Callable[[], bool]) -> None:
        """Again until it is: where the machine is busy, datagrams are lost (RFC 3261, 17.1)."""
        if not answered():
            self._send(text)
            asyncio.get_running_loop().call_later(_T1_S, self._say, text, answered)

    def _send(self, text: str) -> None:
        assert self._transport is not None
        self._transport.sendto(text.encode(), self._address)
