"""Calls to an agent with real audio both ways: the compiled module, an engine, an agent host, the local endpoint."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from ...local.voice import hibari
from ...standin.agent_call import check_lines, parameter_words
from ..agent import Agent
from .caller import Caller
from .exchange import Exchange
from .line import Dialling
from .tool_runs import text_tools


class Phone:
    """The fixture `phone`. What it stands on is made at the first call, and shared by all tests of a file."""

    def __init__(self, exchange: Exchange, show: Callable[[str], object] = lambda text: None) -> None:
        """`show`: what the engine and the agent have written in a call, should anybody want to read it."""
        self._exchange = exchange
        self._show = show

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
        endpoint_away: bool = False,
    ) -> AsyncIterator[Caller]:
        """Somebody calls the agent, who answers; at the end of the block the caller hangs up, if nobody has before.

        `number`: the caller's. `parameters`: `call.parameters`. `variables`: of the channel. `latency_ms`: how long the
        model at least takes for the first word. `endpoint_away`: the model can't be reached. The agent runs in a
        process of its own, so its class has to stand at the top of a file (ValueError). Raises EngineStartError where
        it can't be loaded, with the environment that the test has at the moment. One call at a time (RuntimeError).
        """
        __tracebackhide__ = True
        exchange = self._exchange
        if exchange.busy:
            raise RuntimeError("one call at a time: another one of this session is still up")
        check_lines({"number": number, "dialled": dialled, **(variables or {})})
        words = parameter_words(parameters or {})
        exchange.busy = True
        try:
            name = exchange.serve(agent)
            await hibari().load()  # which takes its time, and no caller's answer has that
            model = exchange.begin_call(latency_ms, endpoint_away)
            line = exchange.line(Dialling(number, dialled, variables or {}))
            caller = Caller(exchange, line, model, text_tools(agent))
            try:
                await caller.begin(f"{name} {words}".rstrip())
                yield caller
            finally:
                await caller.finish()
                self._show("\n".join(caller.log))
        finally:
            exchange.busy = False
