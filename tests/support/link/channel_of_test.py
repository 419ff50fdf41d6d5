"""A channel of the engine's and the switch at the other end of its link, without a worker around them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from timers import Timers

from link.switch import LinkSwitch
from mod_openai_realtime.engine.worker import Streams
from mod_openai_realtime.in_hand import InHand
from mod_openai_realtime.observe.usage import Usage
from mod_openai_realtime.realtime.endpoint import BackoffLimits, Endpoint, EndpointListener, EndpointSettings
from mod_openai_realtime.switch.channel import Channel
from mod_openai_realtime.switch.link import Link
from mod_openai_realtime.switch.services import Services


def real_endpoint(settings: EndpointSettings, listener: EndpointListener, in_hand: InHand) -> Endpoint:
    """One that tries again at once."""
    return Endpoint(settings, listener, limits=BackoffLimits(shortest_ms=1, longest_ms=5))


@contextlib.contextmanager
def channel_of_test(
    make_endpoint: Any, streams: Streams, switch: Mapping[str, Any], **services: Any
) -> Iterator[tuple[Channel, LinkSwitch]]:
    """`switch`, `services`: what is not as it mostly is of LinkSwitch and Services."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ThreadPoolExecutor(1) as executor:
        mostly: dict[str, Any] = {
            "forget": lambda channel: None,
            "settled": lambda: None,
            "admit": lambda: True,
            "usage": Usage(),
            "later": Timers().later,
        }
        of_worker = Services(make_endpoint, executor, streams, **{**mostly, **services})
        channel = Channel(Link(ours, asyncio.get_running_loop()), of_worker)
        far = LinkSwitch(theirs, **switch)
        yield channel, far
        channel.on_link_lost()
        far.close()
        channel.link.close()
