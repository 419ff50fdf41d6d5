"""Where the hosts of agents come into a worker: its socket, and the folder for sounds that they want played."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from ..realtime.share import RoundRobin
from ..switch.link import peer_is_trusted
from .agent_calls import AgentCalls
from .agent_host import AgentHost

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class AgentDoor:
    """`listener`: a listening Unix socket of this worker's own. `agents`: the names that the engine was started with.
    `spool`: a private folder. `default_uri`: the endpoint of agents that name none; `only_uri`: that of all, if not
    None."""

    listener: socket.socket
    worker: int
    agents: frozenset[str]
    spool: Path
    default_uri: str
    only_uri: str | None = None
    _server: asyncio.AbstractServer | None = field(default=None, init=False)
    _calls: AgentCalls | None = field(default=None, init=False)

    async def open(self, loop: asyncio.AbstractEventLoop, round_robin: RoundRobin) -> AgentCalls:
        """Hosts may connect from now on. `round_robin`: the worker's."""
        self._empty_spool()
        calls = self._calls = AgentCalls(self.agents, loop.call_later, self.default_uri, self.only_uri)

        def host() -> asyncio.Protocol:
            return _Doorkeeper(AgentHost(calls, self.worker, str(self.spool), round_robin))

        self._server = await loop.create_unix_server(host, sock=self.listener)
        return calls

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._calls is not None:
            self._calls.end()

    def _empty_spool(self) -> None:
        """Of sounds that a worker before this one did not play."""
        for path in self.spool.iterdir():
            path.unlink(missing_ok=True)


class _Doorkeeper(asyncio.Protocol):
    """Lets in who runs as the engine's own user, and nobody else."""

    def __init__(self, host: AgentHost) -> None:
        self._host = host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not peer_is_trusted(transport.get_extra_info("socket"), frozenset({os.getuid()})):
            logger.warning("an agent host of another user refused")
            cast(asyncio.Transport, transport).abort()
            return
        cast(asyncio.Transport, transport).set_protocol(self._host)
        self._host.connection_made(transport)
