import asyncio
import socket

import pytest

from mod_openai_realtime.realtime.dial import dial

from .conftest import Bench, closed_port


async def accept(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    async def getaddrinfo(*_args: object, **_options: object) -> list[tuple[object, ...]]:
        families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host, _ in addresses]
        return [(family, 1, 6, "", address) for family, address in zip(families, addresses, strict=True)]

    class Loop:
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self.sock_connect = loop.sock_connect
            self.remove_reader, self.remove_writer = loop.remove_reader, loop.remove_writer
            self.getaddrinfo = getaddrinfo

    loop = Loop(asyncio.get_running_loop())
    monkeypatch.setattr("mod_openai_realtime.realtime.dial.asyncio.get_running_loop", lambda: loop)


async def test_a_host_is_reached(bench: Bench) -> None:
    port = await bench.raw_server(accept)
    with await dial("localhost", port) as sock:
        assert sock.getpeername()[1] == port
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_an_address_that_refuses_is_followed_by_the_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await bench.raw_server(accept)
    with monkeypatch.context() as patch:
        resolve_to(patch, ("127.0.0.1", closed_port()), ("127.0.0.1", closed_port()), ("127.0.0.1", port))
        sock = await dial("host", 1)
    with sock:
        assert sock.getpeername()[1] == port


async def test_an_address_that_is_silent_is_overtaken(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await bench.raw_server(accept)
    with full_listener() as silent, monkeypatch.context() as patch:
        resolve_to(patch, silent.getsockname(), ("127.0.0.1", port))
        sock = await dial("host", 1)
    with sock:
        assert sock.getpeername()[1] == port


async def test_where_all_refuse_the_refusal_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        resolve_to(patch, ("127.0.0.1", closed_port()), ("127.0.0.1", closed_port()))
        with pytest.raises(ConnectionRefusedError):
            await dial("host", 1)


async def test_a_name_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        await dial("no-such-host.invalid", 80)


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
