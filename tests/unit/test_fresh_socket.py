"""A socket whose number was watched, and closed without a word, before it was this one's."""

import asyncio
import os
import socket

import pytest
import uvloop

from mod_openai_realtime.fresh_socket import forget_number


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_socket_is_read_although_its_number_was_left_watched(factory: type[asyncio.AbstractEventLoop]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        old, old_peer = socket.socketpair()
        number = old.fileno()
        loop.add_reader(number, old.recv, 1)
        await asyncio.sleep(0)
        old.close()
        ours, peer = socket.socketpair()
        # Make sure of the number, whatever else this process has opened.
        if ours.fileno() != number:
            os.dup2(ours.fileno(), number)
            ours.close()
            ours = socket.socket(fileno=number)
        ours.setblocking(False)
        read = loop.create_future()
        forget_number(loop, ours)
        loop.add_reader(ours, lambda: read.done() or read.set_result(ours.recv(1)))
        peer.send(b"x")
        async with asyncio.timeout(10):
            assert await read == b"x"
        loop.remove_reader(ours)
        for each in (ours, peer, old_peer):
            each.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
