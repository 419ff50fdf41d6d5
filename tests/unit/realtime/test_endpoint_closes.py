"""How a connection was lost decides when the next attempt comes, and at which server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mod_openai_realtime.realtime.endpoint import Endpoint, EndpointSettings

from .conftest import Bench, Recorder


class Waits:
    """An event loop to an endpoint, which keeps what is waited for and has none of it come."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.seconds: list[float] = []

    def call_later(self, delay: float, *_arguments: Any) -> asyncio.TimerHandle:
        self.seconds.append(delay)
        return self._loop.call_later(3600, lambda: None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


@pytest.mark.parametrize(
    ("code", "reason", "wait_s"),
    [
        (1001, "", 0.125),
        (1001, "maximum duration", 0.125),
        (1011, "", 0.125),
        (1012, "", 0.125),
        (1013, "", 0.125),
        (1000, "", 0.15),
        (1008, "policy", 10),
        (4000, "beta_api_shape_disabled", 10),
    ],
)
async def test_the_wait_after_a_close_is_that_of_its_class(bench: Bench, code: int, reason: str, wait_s: float) -> None:
    async def handler(connection: Any) -> None:
        await connection.close(code, reason)

    recorder, waits = Recorder(), Waits()
    settings = EndpointSettings(f"ws://127.0.0.1:{await bench.serve(handler)}/")
    endpoint = Endpoint(settings, recorder, loop=waits, random=lambda: 0.5)  # type: ignore[arg-type]
    endpoint.start()
    assert await recorder.until("disconnected") == ("disconnected", code, reason)
    assert waits.seconds == [wait_s]
    endpoint.stop()
    await recorder.until("ended")


async def test_a_connection_that_the_engine_itself_ends_waits_like_a_failure(bench: Bench) -> None:
    async def handler(connection: Any) -> None:
        await connection.wait_closed()

    recorder, waits = Recorder(), Waits()
    settings = EndpointSettings(f"ws://127.0.0.1:{await bench.serve(handler)}/")
    endpoint = Endpoint(settings, recorder, loop=waits, random=lambda: 0.5)  # type: ignore[arg-type]
    endpoint.start()
    await recorder.until("connected")
    endpoint.fail_connection("too much")
    assert waits.seconds == [0.15]
    assert recorder.named("disconnected") == [("disconnected", 1008, "too much")]
    endpoint.stop()
    await recorder.until("ended")


@pytest.mark.parametrize("code", [1013, 4001])
async def test_a_server_that_accepts_and_hangs_up_is_left_for_another(bench: Bench, code: int) -> None:
    accepted = 0

    async def hang_up(connection: Any) -> None:
        nonlocal accepted
        accepted += 1
        await connection.close(code)

    async def stay(connection: Any) -> None:
        await connection.send("here")
        await connection.wait_closed()

    one, other = await bench.serve(hang_up), await bench.serve(stay)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{one}/", failover=(f"ws://127.0.0.1:{other}/",))
    await recorder.until("text")
    assert accepted == 2
