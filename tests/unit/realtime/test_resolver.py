import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
from timers import Timers

from mod_openai_realtime.realtime.resolver import LATE_S, Address, Resolver


class System:
    """Stands in for the system's resolver: names that begin with `hangs` have no answer until `release`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = 0
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._now = 0

    def getaddrinfo(self, host: str, port: None, *, type: socket.SocketKind) -> list[tuple[object, ...]]:
        with self._lock:
            self.asked.append(host)
            self._now += 1
            self.at_once = max(self.at_once, self._now)
        if host.startswith("hangs"):
            self._released.wait()
        with self._lock:
            self._now -= 1
        if host == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, type, 6, "", ("192.0.2.1", 0))]

    def release(self) -> None:
        self._released.set()

    def hold(self) -> None:
        self._released.clear()


@pytest.fixture
def system() -> Iterator[System]:
    system = System()
    yield system
    system.release()


def ask(resolver: Resolver, host: str) -> asyncio.Task[list[Address]]:
    return asyncio.get_running_loop().create_task(resolver.addresses(host, 443))


async def turn() -> None:
    """All that is due has been done."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "::1"])
async def test_a_literal_address_needs_no_resolver(system: System, host: str) -> None:
    (found,) = await Resolver(system.getaddrinfo).addresses(host, 443)
    assert found[1][:2] == (host, 443)
    assert system.asked == []


async def test_an_answer_has_the_port_that_was_asked_for(system: System) -> None:
    assert await Resolver(system.getaddrinfo).addresses("server", 443) == [(socket.AF_INET, ("192.0.2.1", 443))]


async def test_the_hosts_file_counts() -> None:
    assert ("127.0.0.1", 80) in [address for _, address in await Resolver().addresses("localhost", 80)]


async def test_names_that_hang_delay_neither_addresses_nor_other_names(system: System) -> None:
    resolver = Resolver(system.getaddrinfo)
    hanging = [ask(resolver, f"hangs-{number}") for number in range(20)]
    await turn()
    assert await resolver.addresses("192.0.2.7", 443)
    assert await resolver.addresses("server", 443)
    assert not any(task.done() for task in hanging)
    system.release()
    assert await asyncio.gather(*hanging) == [[(socket.AF_INET, ("192.0.2.1", 443))]] * 20


async def test_many_calls_to_one_name_are_one_look_up(system: System) -> None:
    resolver = Resolver(system.getaddrinfo)
    tasks = [ask(resolver, name) for name in ["hangs", "HANGS", "hangs"] * 10]
    await turn()
    system.release()
    await asyncio.gather(*tasks)
    assert system.asked == ["hangs"]
    await resolver.addresses("hangs", 443)
    assert system.asked == ["hangs", "hangs"], "an answer is not kept: the resolver knows for how long it is good"


async def test_a_failure_is_told_to_all_who_wait(system: System) -> None:
    resolver = Resolver(system.getaddrinfo)
    failures = await asyncio.gather(*[ask(resolver, "unknown") for _ in range(3)], return_exceptions=True)
    assert [type(failure) for failure in failures] == [socket.gaierror] * 3
    assert len({id(failure) for failure in failures}) == 3
    assert system.asked == ["unknown"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b", "."])
async def test_what_is_no_name_is_an_error_like_another(host: str) -> None:
    with pytest.raises(socket.gaierror):
        await Resolver().addresses(host, 443)


async def test_look_ups_are_bounded_and_those_beyond_follow(system: System) -> None:
    resolver = Resolver(system.getaddrinfo, max_lookups=3)
    tasks = [ask(resolver, f"hangs-{number}") for number in range(10)]
    await turn()
    system.release()
    await asyncio.gather(*tasks)
    assert system.at_once <= 3
    assert len(system.asked) == 10


async def test_names_that_hang_for_good_hold_others_up_for_some_seconds_at_most(system: System) -> None:
    timers = Timers()
    resolver = Resolver(system.getaddrinfo, max_lookups=3, max_late=4, later=timers.later)
    hanging = [ask(resolver, f"hangs-{number}") for number in range(3)]
    server = ask(resolver, "server")
    await turn()
    assert len(system.asked) == 3
    assert set(timers.run_out()) == {LATE_S}
    assert await server
    # One more than may be late keeps its place; there are two others.
    hanging += [ask(resolver, f"hangs-{number}") for number in range(3, 6)]
    await turn()
    timers.run_out()
    assert await resolver.addresses("server", 443)
    system.release()
    await asyncio.gather(*hanging)
    assert timers.running == []
    # All places are there again, and no more.
    system.hold()
    again = [ask(resolver, f"hangs-{number}") for number in range(10)]
    await turn()
    assert system.at_once <= 7 and len(timers.running) == 3
    system.release()
    await asyncio.gather(*again)


async def test_a_look_up_that_nobody_waits_for_any_more_is_not_begun(system: System) -> None:
    resolver = Resolver(system.getaddrinfo, max_lookups=1)
    first, second, third = [ask(resolver, name) for name in ("hangs-first", "second", "third")]
    await turn()
    second.cancel()
    await turn()
    system.release()
    await asyncio.gather(first, third)
    assert system.asked == ["hangs-first", "third"]


async def test_a_connection_that_is_given_up_waits_no_longer_and_the_name_is_not_asked_for_twice(
    system: System,
) -> None:
    resolver = Resolver(system.getaddrinfo)
    for _ in range(5):
        task = ask(resolver, "hangs")
        await turn()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    last = ask(resolver, "hangs")
    await turn()
    system.release()
    assert await last
    assert system.asked == ["hangs"]


async def test_where_there_is_no_thread_to_be_had_the_attempt_fails_and_a_later_one_does_not(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver(system.getaddrinfo, max_lookups=1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(socket.gaierror):
            await resolver.addresses("server", 443)
    assert await resolver.addresses("server", 443)


def test_a_loop_ends_under_a_look_up(system: System) -> None:
    async def give_up() -> None:
        ask(Resolver(system.getaddrinfo), "hangs").cancel()
        ask(Resolver(system.getaddrinfo), "hangs")
        await turn()

    asyncio.run(give_up())
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "look-up"]
    assert thread.daemon
    system.release()
    thread.join()
