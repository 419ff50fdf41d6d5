"""One call as one side sees it (RFC 3261, 12): what it says, as text to send, and what follows from what comes.

No socket and no clock: whoever has a dialog sends what it says, again where no answer comes, and hands it the answers.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .message import Request, Response, address_of, uri_of

_OK, _MULTIPLE_CHOICES = 200, 300


@dataclass(frozen=True)
class _Transaction:
    """What all its messages have in common (RFC 3261, 9.1 and 17.1.1.3)."""

    target: str
    remote: str
    number: int
    branch: str


class Dialog:
    """`begun` for a call of one's own, `taken` for one that comes."""

    def __init__(self, call_id: str, contact: str, local: str, remote: str, target: str) -> None:
        """`contact` and `target` are URIs: where this side is, and where the other. `local` and `remote` are what
        stands in From and To, with the tags that are known."""
        self.call_id = call_id
        self.target = target
        self._contact = contact
        self._local, self._remote = local, remote
        self._number = 0
        self._invite: _Transaction | None = None

    @classmethod
    def begun(cls, call_id: str, target: str, caller: str, contact: str) -> Dialog:
        """`caller` is what stands in From, without a tag."""
        return cls(call_id, contact, f"{caller};tag={secrets.token_hex(8)}", f"<{target}>", target)

    @classmethod
    def taken(cls, invite: Request, contact: str) -> Dialog:
        local = f"{invite.header('To')};tag={secrets.token_hex(8)}"
        target = uri_of(invite.header("Contact"))
        return cls(invite.header("Call-ID"), contact, local, invite.header("From"), target)

    def request(self, method: str, headers: Mapping[str, str] | None = None, body: str = "") -> str:
        """The next one. An ACK or a CANCEL is none: see `acknowledgement` and `cancel`."""
        self._number += 1
        transaction = _Transaction(self.target, self._remote, self._number, secrets.token_hex(8))
        if method == "INVITE":
            self._invite = transaction
        return self._message(method, transaction, {"Contact": f"<{self._contact}>", **(headers or {})}, body)

    def cancel(self) -> str:
        """Gives the INVITE up, as long as it has no final answer."""
        assert self._invite is not None
        return self._message("CANCEL", self._invite)

    def response(self, request: Request, status: int, sdp: str = "") -> str:
        return request.response(status, self._local, f"<{self._contact}>", sdp)

    def acknowledgement(self, response: Response) -> str | None:
        """What a final answer to the INVITE is answered with, as often as it comes; None: it is no such answer. What it
        says of the other side, its tag and where it is, holds from now on."""
        if response.of != "INVITE" or self._invite is None:
            return None
        remote = response.header("To")
        if response.status >= _MULTIPLE_CHOICES:
            return self._message("ACK", replace(self._invite, remote=remote))
        self._remote = remote
        if contact := response.header("Contact"):
            self.target = uri_of(contact)
        if response.status < _OK:
            return None
        return self._message("ACK", _Transaction(self.target, remote, self._invite.number, secrets.token_hex(8)))

    def _message(self, method: str, of: _Transaction, headers: Mapping[str, str] | None = None, body: str = "") -> str:
        host, port = address_of(self._contact)
        lines = [
            f"{method} {of.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{of.branch}",
            f"From: {self._local}",
            f"To: {of.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {of.number} {method}",
            "Max-Forwards: 70",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
            f"Content-Length: {len(body.encode())}",
        ]
        return "\r\n".join([*lines, "", body])
