"""Who may come in: the page of this run, in a browser on this machine. Sans-I/O.

Other web pages can send requests to 127.0.0.1, also under a name of their own that resolves to it, and so can other
users of the machine. The token in the address keeps both out; a name that is not ours, or an origin that is not, is
refused before it is looked at.
"""

from __future__ import annotations

import html
import secrets
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Origin

CALL = "call"
"""The WebSocket's name, beside the page's files."""
_FOLDER = Path(__file__).parent / "page"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FIRST = "index.html"


class Door:
    """Of one run; its tokens are in no log."""

    def __init__(self, port: int, agent: str) -> None:
        """`agent`: what the page calls it."""
        self._port = port
        self._hosts = tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._token = secrets.token_urlsafe(24)
        self._ticket: str | None = secrets.token_urlsafe(24)
        self._agent = html.escape(agent)
        self._files = {each.name: each for each in _FOLDER.iterdir() if each.suffix in _KINDS}

    @property
    def url(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self._port}/{self._token}/"

    @property
    def ticket_url(self) -> str:
        """Leads to the page, once: for the browser's command line, which every user of the machine can read."""
        return f"http://127.0.0.1:{self._port}/open/{self._ticket}"

    @property
    def origins(self) -> list[Origin]:
        """What may open the WebSocket."""
        return [Origin(f"http://{host}") for host in self._hosts]

    def answer(self, request: Request) -> Response | None:
        """None: the WebSocket may be opened, if the origin is one of `origins`."""
        if request.headers.get_all("Host") not in ([host] for host in self._hosts):
            return self._text(HTTPStatus.FORBIDDEN, f"Here is only {self._hosts[0]}.")
        path = urlsplit(request.path).path
        if path.startswith("/open/"):
            return self._opened(path.removeprefix("/open/"))
        token, slash, name = path.removeprefix("/").partition("/")
        if not _same(token, self._token):
            return self._text(HTTPStatus.FORBIDDEN, "Open the address that openai-realtime talk has printed.")
        if not slash:
            return self._to_the_page()
        if name == CALL:
            return None
        file = self._files.get(name or _FIRST)
        if file is None:
            return self._text(HTTPStatus.NOT_FOUND, "There is no such page.")
        body = file.read_bytes()
        if file.name == _FIRST:
            body = body.replace(b"{agent}", self._agent.encode())
        return self._response(HTTPStatus.OK, _KINDS[file.suffix], body)

    def _opened(self, ticket: str) -> Response:
        if self._ticket is None or not _same(ticket, self._ticket):
            said = "This address leads to the page once. Open the one that openai-realtime talk has printed."
            return self._text(HTTPStatus.FORBIDDEN, said)
        self._ticket = None
        return self._to_the_page()

    def _to_the_page(self) -> Response:
        response = self._text(HTTPStatus.SEE_OTHER, "")
        response.headers["Location"] = f"/{self._token}/"
        return response

    def _text(self, status: HTTPStatus, text: str) -> Response:
        return self._response(status, "text/plain; charset=utf-8", text.encode())

    def _response(self, status: HTTPStatus, kind: str, body: bytes) -> Response:
        sockets = " ".join(f"ws://{host}" for host in self._hosts)
        policy = f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {sockets}; "
        policy += "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        headers = Headers(
            [
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Content-Security-Policy", policy),
                ("Permissions-Policy", "microphone=(self), camera=(), geolocation=()"),
                ("Cross-Origin-Opener-Policy", "same-origin"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
                ("Connection", "close"),
            ]
        )
        return Response(status.value, status.phrase, headers, body)


def _same(given: str, ours: str) -> bool:
    return secrets.compare_digest(given.encode(), ours.encode())
