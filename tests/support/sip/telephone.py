"""A telephone: calls and is called by SIP, answers what it is asked in a call, and keeps all of it."""

from __future__ import annotations

import re
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Mapping
from functools import partial

from mod_openai_realtime.sip.dialog import Dialog
from mod_openai_realtime.sip.media_format import PCMU, MediaFormat
from mod_openai_realtime.sip.message import REASONS, Request, Response, address_of, parsed
from mod_openai_realtime.sip.rtp import TELEPHONE_EVENT, MediaRoom, RtpParty
from mod_openai_realtime.sip.sdp import media_port, offer

_LONGEST_MESSAGE = 65_536
_KEYS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_END = 0x80


class TelephoneCall:
    """One call, made or taken. Its Call-ID is the channel's uuid where the telephone has made it."""

    def __init__(self, telephone: Telephone, party: RtpParty, dialog: Dialog) -> None:
        self.uuid = dialog.call_id
        self.party = party
        self.status = 0
        """The last that the far end has said to our INVITE."""
        self.requests: list[Request] = []
        """All that came in this call, the INVITE of a call that was taken among them."""
        self.answered = False
        self.ended = False
        self.dialog = dialog
        self._telephone = telephone

    # -- what a person does

    def answer(self) -> TelephoneCall:
        """A call that rings."""
        self._telephone.respond(self, self.requests[0], 200, with_media=True)
        return self

    def progress(self) -> None:
        """A call that rings is heard before it is answered."""
        self._telephone.respond(self, self.requests[0], 183, with_media=True)

    def decline(self, status: int = 603) -> None:
        self._telephone.respond(self, self.requests[0], status)
        self._telephone.note(self, ended=True)

    def hang_up(self) -> None:
        self._telephone.request(self, "BYE")
        self._telephone.note(self, ended=True)

    @property
    def digits(self) -> str:
        """What the far end has sent as keys in RTP."""
        ended: dict[int, str] = {}
        for packet in self.party.received:
            if packet.payload_type == TELEPHONE_EVENT:
                event, flags, _ = _EVENT.unpack(packet.payload[:4])
                if flags & _END:
                    ended[packet.timestamp] = _KEYS[event]
        return "".join(ended.values())

    # -- what is waited for

    def wait_answered(self, timeout: float = 20) -> TelephoneCall:
        self._telephone.wait(lambda: self.answered or self.ended, timeout, "no answer")
        assert self.answered, f"not answered: {self.status}"
        return self

    def wait_end(self, timeout: float = 20) -> TelephoneCall:
        """By whichever side."""
        self._telephone.wait(lambda: self.ended, timeout, "the call is still up")
        return self

    def wait_request(self, method: str, timeout: float = 20) -> Request:
        """The first of that kind that came in this call."""
        self._telephone.wait(lambda: self._of(method), timeout, f"no {method}")
        return self._of(method)[0]

    def wait_digits(self, digits: str, timeout: float = 20) -> None:
        self.party.wait_heard(lambda _: self.digits == digits, timeout)

    def _of(self, method: str) -> list[Request]:
        return [each for each in self.requests if each.method == method]


Act = Callable[[TelephoneCall], object]


class Telephone:
    """At a port of 127.0.0.1 of its own. `called` says what it does when it is called: by default it answers.

    `events`: whether it offers digits in RTP. What it is sent in a call it answers with 200; a REFER as `refer` says:
    the status of the answer, and what the NOTIFYs that follow tell of the call elsewhere; with -1 it hangs up itself.
    """

    def __init__(self, room: MediaRoom, media_format: MediaFormat = PCMU) -> None:
        self.calls: list[TelephoneCall] = []
        self.called: Act = TelephoneCall.answer
        self.events = True
        self.refer: tuple[int, ...] = (202, 100, 200)
        self._room = room
        self._format = media_format
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="telephone", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def call(
        self, address: tuple[str, int], destination: str, headers: Mapping[str, str] | None = None
    ) -> TelephoneCall:
        """Calls somebody at a switch. Returns at once."""
        target = f"sip:{destination}@{address[0]}:{address[1]}"
        dialog = Dialog.begun(uuid.uuid4().hex, target, f"<{self._uri}>", self._uri)
        call = TelephoneCall(self, self._room.party(self._format), dialog)
        with self._changed:
            self.calls.append(call)
        self.request(call, "INVITE", {**(headers or {}), "Content-Type": "application/sdp"}, self._media(call))
        return call

    def wait_call(self, number: int = 0, timeout: float = 20) -> TelephoneCall:
        """The call of that number, counted from 0, made or taken."""
        self.wait(lambda: len(self.calls) > number, timeout, "no call has come")
        return self.calls[number]

    def wait(self, condition: Callable[[], object], timeout: float, complaint: str) -> None:
        """Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"{complaint} after {timeout} s")

    def close(self) -> None:
        """Hangs up whatever is up."""
        for call in list(self.calls):
            if call.answered and not call.ended:
                call.hang_up()
            self._room.dismiss(call.party)
        self._closing = True
        self._send("", self._uri)
        self._thread.join(5)
        self._socket.close()

    # -- for its calls

    def note(self, call: TelephoneCall, **what: object) -> None:
        with self._changed:
            for name, value in what.items():
                setattr(call, name, value)
            self._changed.notify_all()

    def request(
        self, call: TelephoneCall, method: str, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> None:
        self._send(call.dialog.request(method, headers, body), call.dialog.target)

    def respond(self, call: TelephoneCall, request: Request, status: int, *, with_media: bool = False) -> None:
        """`with_media`: and what is needed for audio both ways, from now on."""
        text = call.dialog.response(request, status, self._media(call) if with_media else "")
        self._send(text, f"sip:{request.header('Via').split()[1].split(';')[0]}")
        if with_media:
            call.party.connect(media_port(request.body) or 0)
            self.note(call, answered=status == 200)

    def _send(self, text: str, uri: str) -> None:
        self._socket.sendto(text.encode(), address_of(uri))

    @property
    def _uri(self) -> str:
        return f"sip:telephone@{self.address}"

    def _media(self, call: TelephoneCall) -> str:
        sdp = offer(self._format, call.party.port, 1)
        if self.events:
            return sdp
        return re.sub(rf"^a=(rtpmap|fmtp):{TELEPHONE_EVENT} .*\r\n", "", sdp, flags=re.M).replace(
            f" {TELEPHONE_EVENT}\r", "\r"
        )

    # -- what comes

    def _run(self) -> None:
        while True:
            data, _ = self._socket.recvfrom(_LONGEST_MESSAGE)
            if self._closing:
                return
            message = parsed(data)
            if isinstance(message, Response):
                self._response(message)
            elif message is not None and message.method != "ACK":
                self._request(message)

    def _of(self, message: Request | Response) -> TelephoneCall | None:
        return next((call for call in self.calls if call.uuid == message.header("Call-ID")), None)

    def _response(self, response: Response) -> None:
        call = self._of(response)
        if call is None or response.of != "INVITE":
            return
        acknowledgement = call.dialog.acknowledgement(response)
        if acknowledgement is not None:
            self._send(acknowledgement, call.dialog.target)
        if call.status >= 200:
            return  # once more
        if response.status == 200:
            call.party.connect(media_port(response.body) or 0)
        self.note(call, status=response.status, answered=response.status == 200, ended=response.status > 200)

    def _request(self, request: Request) -> None:
        call = self._of(request)
        if call is None:
            if request.method == "INVITE":
                self._taken(request)
            return
        if request.method == "INVITE" and not call.answered:
            return  # once more: what is to be said is said
        with self._changed:
            call.requests.append(request)
            self._changed.notify_all()
        if request.method == "REFER":
            self._refer(call, request)
        elif request.method == "INVITE":
            self.respond(call, request, 200, with_media=True)
        else:
            self.respond(call, request, 200)
        if request.method == "CANCEL":
            self.respond(call, call.requests[0], 487)
        if request.method in ("BYE", "CANCEL"):
            self.note(call, ended=True)

    def _taken(self, invite: Request) -> None:
        dialog = Dialog.taken(invite, self._uri)
        call = TelephoneCall(self, self._room.party(self._format), dialog)
        call.requests.append(invite)
        self.respond(call, invite, 180)
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        self.called(call)

    def _refer(self, call: TelephoneCall, refer: Request) -> None:
        status, *told = self.refer
        self.respond(call, refer, status)
        for each in told:
            if each < 0:
                call.hang_up()
                return
            state = "active" if each < 200 else "terminated;reason=noresource"
            headers = {"Event": "refer", "Subscription-State": state, "Content-Type": "message/sipfrag;version=2.0"}
            self.request(call, "NOTIFY", headers, f"SIP/2.0 {each} {REASONS.get(each, 'Answer')}\r\n")


def progresses(status: int, after_s: float = 0.5) -> Act:
    """What one does that is heard before it is answered, and then is not."""

    def act(call: TelephoneCall) -> None:
        call.progress()
        threading.Timer(after_s, call.decline, (status,)).start()

    return act


def rings(call: TelephoneCall) -> None:
    """What a telephone does that nobody answers."""


def declines(status: int) -> Act:
    """What one does that is busy (486), or whose owner does not want to (603)."""
    return partial(TelephoneCall.decline, status=status)
