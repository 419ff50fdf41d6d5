"""Two sides of a call, each with a dialog, who hand each other what they say."""

from __future__ import annotations

from mod_openai_realtime.sip.dialog import Dialog
from mod_openai_realtime.sip.message import Request, Response, address_of, parsed, uri_of

CALLER, CALLED = "sip:ann@127.0.0.1:5070", "sip:bob@127.0.0.1:5080"
DIALLED = "sip:200@127.0.0.1:5060"


def begun() -> Dialog:
    return Dialog.begun("a-call", DIALLED, f'"Ann" <{CALLER}>', CALLER)


def request(text: str) -> Request:
    message = parsed(text.encode())
    assert isinstance(message, Request)
    return message


def response(text: str) -> Response:
    message = parsed(text.encode())
    assert isinstance(message, Response)
    return message


def first_line(text: str) -> str:
    return text.split("\r\n")[0]


def branch(message: Request | str) -> str:
    via = (request(message) if isinstance(message, str) else message).header("Via")
    return via.partition("branch=")[2]


def answered() -> tuple[Dialog, Dialog]:
    """The dialogs of caller and called of a call that is up."""
    caller = begun()
    invite = request(caller.request("INVITE"))
    called = Dialog.taken(invite, CALLED)
    assert caller.acknowledgement(response(called.response(invite, 200))) is not None
    return caller, called


def test_an_invite_says_who_calls_whom_and_where_the_caller_is() -> None:
    text = begun().request("INVITE", {"X-Own": "1"}, "v=0 é\r\n")
    invite = request(text)
    assert first_line(text) == f"INVITE {DIALLED} SIP/2.0"
    assert invite.header("Via").startswith("SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bK")
    assert invite.header("From").startswith(f'"Ann" <{CALLER}>;tag=')
    assert (invite.header("To"), invite.header("Contact")) == (f"<{DIALLED}>", f"<{CALLER}>")
    assert (invite.header("Call-ID"), invite.header("CSeq")) == ("a-call", "1 INVITE")
    assert (invite.header("X-Own"), invite.header("Content-Length"), invite.body) == ("1", "8", "v=0 é\r\n")


def test_an_answer_is_acknowledged_where_it_came_from_in_a_transaction_of_its_own() -> None:
    caller = begun()
    invite = request(caller.request("INVITE"))
    called = Dialog.taken(invite, CALLED)
    ok = response(called.response(invite, 200, "v=0\r\n"))
    assert (ok.header("Content-Type"), ok.body, ok.reason) == ("application/sdp", "v=0\r\n", "OK")
    text = caller.acknowledgement(ok)
    assert text is not None
    ack = request(text)
    assert first_line(text) == f"ACK {CALLED} SIP/2.0"
    assert (ack.header("CSeq"), ack.header("To")) == ("1 ACK", ok.header("To"))
    assert branch(ack) != branch(invite)
    again = caller.acknowledgement(ok)
    assert again is not None and first_line(again) == first_line(text)


def test_a_refusal_is_acknowledged_in_the_transaction_of_the_invite() -> None:
    caller = begun()
    invite = request(caller.request("INVITE"))
    called = Dialog.taken(invite, CALLED)
    assert caller.acknowledgement(response(called.response(invite, 180))) is None
    busy = response(called.response(invite, 486))
    text = caller.acknowledgement(busy)
    assert text is not None
    ack = request(text)
    assert first_line(text) == f"ACK {DIALLED} SIP/2.0"
    assert (branch(ack), ack.header("CSeq"), ack.header("To")) == (branch(invite), "1 ACK", busy.header("To"))


def test_a_cancel_is_of_the_invite_even_once_it_rings() -> None:
    caller = begun()
    invite = request(caller.request("INVITE", {"Content-Type": "application/sdp"}, "v=0\r\n"))
    caller.acknowledgement(response(Dialog.taken(invite, CALLED).response(invite, 180)))
    text = caller.cancel()
    cancel = request(text)
    assert first_line(text) == f"CANCEL {DIALLED} SIP/2.0"
    assert (branch(cancel), cancel.header("CSeq"), cancel.body) == (branch(invite), "1 CANCEL", "")
    assert (cancel.header("From"), cancel.header("To")) == (invite.header("From"), invite.header("To"))


def test_either_side_s_requests_are_for_the_other_with_both_tags() -> None:
    caller, called = answered()
    from_caller, from_called = caller.request("BYE"), called.request("INFO")
    assert first_line(from_caller) == f"BYE {CALLED} SIP/2.0"
    assert first_line(from_called) == f"INFO {CALLER} SIP/2.0"
    bye, info = request(from_caller), request(from_called)
    assert (bye.header("From"), bye.header("To")) == (info.header("To"), info.header("From"))
    assert (bye.header("CSeq"), info.header("CSeq")) == ("2 BYE", "1 INFO")
    assert branch(bye) != branch(request(caller.request("BYE")))


def test_what_answers_another_request_is_not_acknowledged() -> None:
    caller, called = answered()
    bye = request(caller.request("BYE"))
    ok = called.response(bye, 200)
    assert response(ok).header("To") == bye.header("To")
    assert caller.acknowledgement(response(ok)) is None


def test_an_answer_without_a_contact_leaves_the_target() -> None:
    caller = begun()
    invite = request(caller.request("INVITE"))
    ringing = parsed(Dialog.taken(invite, CALLED).response(invite, 180).replace("Contact", "X-Contact").encode())
    assert isinstance(ringing, Response)
    caller.acknowledgement(ringing)
    assert caller.target == DIALLED


def test_uris_and_where_they_are() -> None:
    assert uri_of(f'"A; <b" <{CALLER};transport=udp>;expires=60') == f"{CALLER};transport=udp"
    assert uri_of("sip:200@host;tag=x") == "sip:200@host"
    assert address_of("sip:mod_sofia@127.0.0.1:5090;transport=udp") == ("127.0.0.1", 5090)
    assert address_of("sip:host") == ("host", 5060)
