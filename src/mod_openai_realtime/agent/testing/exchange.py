"""What `phone` stands on, once for a test session: the compiled module in the stand-in switch, an engine, and the local
endpoint."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ...local.behaviour import Behaviour
from ...local.recording import ConnectionRecord
from ...local.scripted_model import ScriptedModel
from ...local.thread import LocalEndpointThread
from ...local.turns import Context, Turn
from ...standin import StandIn
from ..agent import Agent
from .engine import TestEngine
from .model import words_asked_for


class PhoneModel(ScriptedModel):
    """Of a call, whatever sessions it has. Told what to say, it says that, without what the agent is beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.record: ConnectionRecord | None = None
        """Of its newest session."""

    async def answer(self, context: Context) -> Turn:
        turn = await super().answer(context)
        if context.asked is None or turn.text != context.asked:
            return turn
        updates = self.record.received_events("session.update") if self.record is not None else []
        told = [each["session"]["instructions"] for each in updates if "instructions" in each["session"]]
        return Turn(words_asked_for(context.asked, told[-1] if told else ""))


class Exchange:
    """Made at the first call. One call at a time."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="phone-")  # a short path: a Unix socket's has to fit
        self.model = PhoneModel()
        self.endpoint = LocalEndpointThread(agent_for=self._model_for)
        self.busy = False
        self._switch: StandIn | None = None
        self.endpoint.start()
        self.engine = TestEngine(Path(self._folder.name), self.endpoint.url)

    def serve(self, agent: type[Agent]) -> str:
        """The name of the agent, which may be called now."""
        name = self.engine.serve(agent)
        if self._switch is None:
            self._switch = StandIn(engine_socket=self.engine.socket, temp_dir=self._folder.name)
            self._switch.run()
        return name

    @property
    def switch(self) -> StandIn:
        assert self._switch is not None
        return self._switch

    def begin_call(self, latency_ms: int) -> ScriptedModel:
        """The model of the next call, with an empty script."""
        self.model = PhoneModel()
        behaviour = Behaviour(latency_ms=(latency_ms, latency_ms))
        self.endpoint.call(lambda endpoint: setattr(endpoint, "behaviour", behaviour))
        return self.model

    def _model_for(self, record: ConnectionRecord) -> ScriptedModel:
        self.model.record = record
        return self.model

    def close(self) -> None:
        self.engine.stop()
        if self._switch is not None:
            self._switch.close()
        self.endpoint.stop()
        self._folder.cleanup()
