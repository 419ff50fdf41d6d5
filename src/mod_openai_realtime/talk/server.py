"""The page's server: its files, and a WebSocket for each call. On 127.0.0.1, and nowhere else."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from .asked import MAX_MESSAGE_BYTES
from .door import Door
from .house import House
from .page_call import POLICY_VIOLATION, PageCall

logger = logging.getLogger(__name__)

TRY_AGAIN_LATER, GOING_AWAY = 1013, 1001
PING_S = 10.0
"""A page that does not answer for so long has gone: its call is hung up."""


def listener(port: int) -> socket.socket:
    """0: any free port. Raises OSError."""
    return socket.create_server(("127.0.0.1", port))


@contextlib.asynccontextmanager
async def serving(listening: socket.socket, door: Door, house: House) -> AsyncIterator[None]:
    """Calls may be made meanwhile. At its end all are hung up."""
    # Its lines would have addresses, and so the token; and browsers open connections that they then don't use.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)

    async def admit(_page: ServerConnection, request: Request) -> Response | None:
        return door.answer(request)

    async def call(page: ServerConnection) -> None:
        rate = _rate(page)
        if house.full:
            await page.close(TRY_AGAIN_LATER, "too many calls: hang up another first")
            return
        try:
            if rate is None:
                raise ValueError("which rate?")
            await PageCall(house, page, rate).run()
        except ValueError as error:
            await page.close(POLICY_VIOLATION, str(error))
        except Exception:
            logger.exception("a page's call failed")
            raise

    server = await serve(
        call,
        sock=listening,
        process_request=admit,
        origins=door.origins,
        max_size=MAX_MESSAGE_BYTES,
        compression=None,
        ping_interval=PING_S,
        ping_timeout=PING_S,
        close_timeout=1.0,
        server_header=None,
    )
    try:
        yield
    finally:
        server.close(code=GOING_AWAY, reason="openai-realtime talk has ended")
        await server.wait_closed()


def _rate(page: ServerConnection) -> int | None:
    assert page.request is not None
    given = parse_qs(urlsplit(page.request.path).query).get("rate", [""])[0]
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 6 else None
