"""Ports for processes under test: nobody else's, whoever runs beside."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mod_openai_realtime.freeswitch.ports import PortBlock


@pytest.fixture
def block() -> Iterator[PortBlock]:
    made = PortBlock()
    yield made
    made.close()


def ports_of(block: PortBlock) -> set[int]:
    return {block.free() for _ in range(200)} | set(block.rtp)


def test_two_blocks_have_no_port_in_common(block: PortBlock) -> None:
    other = PortBlock()
    assert ports_of(block) & ports_of(other) == set()
    other.close()


def test_no_port_is_one_that_the_kernel_gives_to_others(block: PortBlock) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if lowest < 20_000:
        pytest.skip(f"this machine's ephemeral ports begin at {lowest}")
    assert max(ports_of(block)) < lowest


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_bound_is_passed_over(block: PortBlock, kind: socket.SocketKind) -> None:
    port = block.free(kind)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", port))
        assert port not in {block.free(kind) for _ in range(400)}
    assert port in {block.free(kind) for _ in range(400)}
