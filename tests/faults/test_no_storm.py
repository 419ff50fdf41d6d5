"""A server that is lost by 150 streams at once, and comes back after a minute, is not stormed by them."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from random import Random

import pytest
from websockets.asyncio.server import ServerConnection, serve

from mod_openai_realtime.realtime.backoff import Backoff, BackoffLimits
from mod_openai_realtime.realtime.endpoint import Endpoint, EndpointSettings

STREAMS = 150
AWAY_S = 60.0
PARTS = 40  # by which time is shorter on real sockets


def attempts(seed: int) -> list[float]:
    """When they come, in seconds after the loss, by a clock that jumps from one to the next."""
    random = Random(seed).random
    backoffs = [Backoff(BackoffLimits(), random) for _ in range(STREAMS)]
    due = [(each.after_lost_connection(3000.0) / 1000, number) for number, each in enumerate(backoffs)]
    heapq.heapify(due)
    times = []
    while due:
        at, number = heapq.heappop(due)
        times.append(at)
        if at < AWAY_S:
            heapq.heappush(due, (at + backoffs[number].after_failed_attempt(0) / 1000, number))
    return times


def most_within(seconds: float, times: list[float]) -> int:
    return max(sum(start <= at < start + seconds for at in times[index:]) for index, start in enumerate(times))


@pytest.mark.parametrize("seed", range(5))
def test_at_no_time_do_they_come_together(seed: int, report: list[str]) -> None:
    times = attempts(seed)
    back = [at for at in times if at >= AWAY_S]
    assert len(back) == STREAMS
    assert most_within(0.01, times) <= 30  # 6, were the first of them even over 250 ms
    assert most_within(1.0, back) <= 50  # 30, were they even over 5 s
    assert max(back) <= AWAY_S + 10
    if seed == 0:
        first, later = Counter(int(at) for at in times), [at for at in times if at >= 1]
        report.append(
            f"a server away for 60 s, 150 streams: {len(times)} attempts, {first[0]} in the first second, "
            f"at most {most_within(1.0, later)} in a later one, {most_within(0.01, times)} in 10 ms; "
            f"back within {max(back) - AWAY_S:.1f} s, at most {most_within(1.0, back)} a second"
        )


class Listener:
    take_audio = None

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.connections = self.failures = 0
        self.ended = asyncio.Event()

    def on_connected(self) -> None:
        self.connections += 1
        self.connected.set()

    def on_disconnected(self, code: int, reason: str) -> None:
        self.connected.clear()

    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        self.failures += 1

    def on_ended(self) -> None:
        self.ended.set()

    def on_text(self, payload: bytes) -> None: ...
    def on_binary(self, payload: bytes) -> None: ...
    def on_dropped(self, why: str) -> None: ...
    def on_congested(self) -> None: ...


async def test_all_are_back_and_none_twice_on_real_sockets() -> None:
    limits = BackoffLimits(
        shortest_ms=100 / PARTS, longest_ms=10_000 / PARTS, proved_after_s=5 / PARTS, spread_ms=250 / PARTS
    )

    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()

    server = await serve(stay, "127.0.0.1", 0, compression=None)
    port = next(iter(server.sockets)).getsockname()[1]
    listeners = [Listener() for _ in range(STREAMS)]
    endpoints = [
        Endpoint(EndpointSettings(f"ws://127.0.0.1:{port}/", deflate=False), each, limits=limits) for each in listeners
    ]
    for endpoint in endpoints:
        endpoint.start()
    async with asyncio.timeout(60):
        for listener in listeners:
            await listener.connected.wait()
        await asyncio.sleep(2 * limits.proved_after_s)
        server.close()
        await server.wait_closed()
        while any(listener.failures < 3 for listener in listeners):  # noqa: ASYNC110 - what listeners count
            await asyncio.sleep(0.01)
        server = await serve(stay, "127.0.0.1", port, compression=None)
        for listener in listeners:
            await listener.connected.wait()
    assert [listener.connections for listener in listeners] == [2] * STREAMS
    assert len(server.connections) == STREAMS
    for endpoint in endpoints:
        endpoint.stop()
    async with asyncio.timeout(20):
        for listener in listeners:
            await listener.ended.wait()
        server.close()
        await server.wait_closed()
