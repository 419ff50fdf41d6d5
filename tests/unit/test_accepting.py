"""Accepting at the limit of descriptors: the loop is a double, which has a socket readable for ever."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from timers import Timers

from mod_openai_realtime.accepting import PAUSE_S, TOLD_EVERY_S, YIELD_S, Acceptor, Shortage


class Loop:
    def __init__(self) -> None:
        self.timers = Timers()
        self.call_later = self.timers.later
        self._reader: Callable[[], None] | None = None

    def add_reader(self, _sock: object, reader: Callable[[], None]) -> None:
        self._reader = reader

    def remove_reader(self, _sock: object) -> None:
        self._reader = None

    def turn(self) -> None:
        if self._reader is not None:
            self._reader()


class Listener:
    """`failures` come first, one for each accept."""

    def __init__(self, *failures: int) -> None:
        self.failures = list(failures)
        self.accepts = 0

    def setblocking(self, _blocking: bool) -> None: ...

    def accept(self) -> tuple[object, str]:
        self.accepts += 1
        if self.failures:
            number = self.failures.pop(0)
            raise OSError(number, os.strerror(number))
        return object(), ""


class Rig:
    def __init__(self, *failures: int, my_turn: bool = True) -> None:
        self.loop = Loop()
        self.listener = Listener(*failures)
        self.accepted: list[Any] = []
        self.told: list[str] = []
        self.now = 0.0
        loop: Any = self.loop
        listener: Any = self.listener
        self.acceptor = Acceptor(
            listener,
            loop,
            self.accepted.append,
            my_turn=lambda: my_turn,
            tell=self.told.append,
            clock=lambda: self.now,
        )
        self.acceptor.start()

    def turns(self) -> None:
        for _ in range(1000):
            self.loop.turn()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
def test_without_a_descriptor_nothing_is_accepted_for_a_second(number: int) -> None:
    rig = Rig(*[number] * 5)
    for second in range(5):
        rig.now = float(second)
        rig.turns()
        assert rig.listener.accepts == second + 1, "it tries again in each turn of the loop"
        assert rig.loop.timers.run_out() == [PAUSE_S]
    assert rig.accepted == []
    rig.loop.turn()
    assert len(rig.accepted) == 1
    (line,) = rig.told
    assert "cannot accept a channel" in line and os.strerror(number) in line


def test_that_another_process_was_faster_is_no_shortage() -> None:
    rig = Rig(errno.EAGAIN, errno.ECONNABORTED)
    rig.loop.turn()
    rig.loop.turn()
    rig.loop.turn()
    assert len(rig.accepted) == 1
    assert rig.told == []


def test_a_process_with_more_channels_lets_others_go_first() -> None:
    rig = Rig(my_turn=False)
    rig.turns()
    assert rig.accepted == []
    assert rig.loop.timers.run_out() == [YIELD_S]
    assert len(rig.accepted) == 1
    rig.turns()
    assert rig.loop.timers.run_out() == [YIELD_S]


def test_a_shortage_after_that_pauses_too() -> None:
    rig = Rig(errno.EMFILE, my_turn=False)
    rig.turns()
    rig.loop.timers.run_out()
    rig.turns()
    assert rig.listener.accepts == 1
    assert rig.loop.timers.run_out() == [PAUSE_S]


@pytest.mark.parametrize("failures", [[], [errno.EMFILE]])
def test_once_stopped_it_accepts_nothing_whatever_was_to_come(failures: list[int]) -> None:
    rig = Rig(*failures, my_turn=bool(failures))
    rig.turns()
    rig.acceptor.stop()
    rig.loop.timers.run_out()
    rig.turns()
    assert rig.accepted == []


def test_a_shortage_is_told_once_a_minute_with_its_number() -> None:
    shortage = Shortage("a channel")
    error = OSError(errno.EMFILE, "Too many open files")
    lines = [shortage.line(error, float(second)) for second in range(150)]
    told = [(second, line) for second, line in enumerate(lines) if line is not None]
    assert [second for second, _ in told] == [0, TOLD_EVERY_S, 2 * TOLD_EVERY_S]
    assert "times" not in told[0][1]
    assert "(60 times" in told[1][1] and "(60 times" in told[2][1]


def test_a_real_socket_is_accepted_on() -> None:
    rig = Rig()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop: Any = rig.loop
        accepted: list[socket.socket] = []
        acceptor = Acceptor(listener, loop, accepted.append, my_turn=lambda: True, tell=rig.told.append)
        acceptor.start()
        loop.turn()
        assert accepted == [] and rig.told == []
        with socket.create_connection(listener.getsockname()):
            loop.turn()
        assert len(accepted) == 1
        accepted[0].close()
