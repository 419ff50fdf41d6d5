import asyncio
import socket

import pytest

from mod_openai_realtime.realtime.dial import dial
from mod_openai_realtime.realtime.resolver import Address, Resolver

from .conftest import Bench, closed_port


async def accept(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


def resolving_to(*addresses: tuple[str, int]) -> Resolver:
    """Whatever is asked for, it finds these, whose ports are in place of the one that is asked for."""

    class Fixed(Resolver):
        async def addresses(self, host: str, port: int) -> list[Address]:
            families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address, _ in addresses]
            return list(zip(families, addresses, strict=True))

    return Fixed()


async def test_a_host_is_reached(bench: Bench) -> None:
    port = await bench.raw_server(accept)
    with await dial("localhost", port, Resolver()) as sock:
        assert sock.getpeername()[1] == port
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_an_address_that_refuses_is_followed_by_the_next(bench: Bench) -> None:
    port = await bench.raw_server(accept)
    resolver = resolving_to(("127.0.0.1", closed_port()), ("127.0.0.1", closed_port()), ("127.0.0.1", port))
    with await dial("host", 1, resolver) as sock:
        assert sock.getpeername()[1] == port


async def test_an_address_that_is_silent_is_overtaken(bench: Bench) -> None:
    port = await bench.raw_server(accept)
    with full_listener() as silent:
        sock = await dial("host", 1, resolving_to(silent.getsockname(), ("127.0.0.1", port)))
    with sock:
        assert sock.getpeername()[1] == port


async def test_where_all_refuse_the_refusal_is_raised() -> None:
    resolver = resolving_to(("127.0.0.1", closed_port()), ("127.0.0.1", closed_port()))
    with pytest.raises(ConnectionRefusedError):
        await dial("host", 1, resolver)


async def test_a_name_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        await dial("no-such-host.invalid", 80, Resolver())


class full_listener:  # noqa: N801
    """A listening socket whose queue is full, so that the kernel leaves further connections unanswered."""

    def __enter__(self) -> socket.socket:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self._listener.getsockname())
            self._fillers.append(filler)
        return self._listener

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._fillers):
            sock.close()
