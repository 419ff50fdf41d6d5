"""A connected TCP socket to a host.

All its addresses are tried, each with a head start over the next (RFC 8305), so that a broken IPv6 costs no time.
"""

import asyncio
import socket
from itertools import chain, zip_longest
from typing import Any

from .resolver import Address, Resolver
from .watched_socket import WatchedSocket

_HEAD_START_S = 0.25  # RFC 8305, section 8.

UNACKNOWLEDGED_S = 10
"""What was sent and is not acknowledged for so long is not on its way any more. Caller audio is sent 50 times a second,
so that is also how long a call waits until a peer that has vanished, or reads nothing, counts as lost."""

# A stream that sends nothing is as soon told of such a peer as one that does, or a probe later.
_KEEPALIVE_IDLE_S = 10
_KEEPALIVE_INTERVAL_S = 5
_KEEPALIVE_PROBES = 2


async def dial(host: str, port: int, resolver: Resolver) -> socket.socket:
    """Connect. Raises OSError (socket.gaierror included); when cancelled no socket is left over."""
    addresses = _alternating(await resolver.addresses(host, port))
    racers: set[asyncio.Task[socket.socket]] = set()
    failure: OSError = socket.gaierror(socket.EAI_NODATA, "no address")
    try:
        while addresses or racers:
            if addresses:
                racers.add(asyncio.ensure_future(_connect(*addresses.pop(0))))
            done, racers = await asyncio.wait(
                racers, timeout=_HEAD_START_S if addresses else None, return_when=asyncio.FIRST_COMPLETED
            )
            for racer in done:
                error = racer.exception()
                if error is None:
                    # Two can arrive in one tick of the loop: the others go back among those that are ended.
                    racers |= done - {racer}
                    return racer.result()
                if not isinstance(error, OSError):
                    raise error
                failure = error
        raise failure
    finally:
        for racer in racers:
            _end(racer)


def _end(racer: asyncio.Task[socket.socket]) -> None:
    if not racer.done():
        racer.cancel()
    elif not racer.cancelled() and racer.exception() is None:
        racer.result().close()


def _alternating(found: list[Address]) -> list[Address]:
    """Families in turn, the resolver's first choice first."""
    families: dict[socket.AddressFamily, list[Address]] = {}
    for family, address in found:
        families.setdefault(family, []).append((family, address))
    return [entry for entry in chain.from_iterable(zip_longest(*families.values())) if entry is not None]


async def _connect(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    loop = asyncio.get_running_loop()
    sock = WatchedSocket(family, loop)
    try:
        _detect_dead_peers(sock)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _detect_dead_peers(sock: socket.socket) -> None:
    """By the kernel, which costs nothing. The kernel's own limit is a quarter of an hour; ours counts as well where the
    peer is there and takes nothing (its window is shut)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * UNACKNOWLEDGED_S)
