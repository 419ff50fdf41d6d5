"""Calls to an agent with real audio both ways: the compiled module, an engine, an agent host, the local endpoint."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

from ..agent import Agent
from .caller import Caller
from .exchange import Exchange


class Phone:
    """The fixture `phone`. What it stands on is made at the first call, and shared by all tests of the session."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @contextlib.asynccontextmanager
    async def call(
        self,
        agent: type[Agent],
        *,
        number: str = "+15550100",
        dialled: str = "5100",
        parameters: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        latency_ms: int = 0,
    ) -> AsyncIterator[Caller]:
        """Somebody calls the agent, who answers; at the end of the block the caller hangs up, if nobody has before.

        `number`: the caller's. `parameters`: `call.parameters`. `variables`: of the channel. `latency_ms`: how long the
        model at least takes for the first word. The agent runs in a process of its own, so its class has to stand at
        the top of a file (ValueError). One call at a time (RuntimeError).
        """
        exchange = self._exchange
        if exchange.busy:
            raise RuntimeError("one call at a time: another one of this session is still up")
        exchange.busy = True
        try:
            name = exchange.serve(agent)
            model = exchange.begin_call(latency_ms)
            known = {"caller_id_number": number, "caller_id_name": number, "destination_number": dialled}
            caller = Caller(exchange, model, {**known, "direction": "inbound", **(variables or {})})
            words = [f"'{key}={value}'" for key, value in (parameters or {}).items()]
            await caller.begin(" ".join([name, *words]))
            try:
                yield caller
            finally:
                await caller.finish()
        finally:
            exchange.busy = False
