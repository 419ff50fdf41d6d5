"""What `phone` stands on, for the tests of a file: a switch with the module, an engine, and the local endpoint."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ...local.behaviour import Behaviour
from ...local.chat import ChatModel
from ...local.recording import ConnectionRecord, Handshake
from ...local.thread import LocalEndpointThread
from ...local.turns import Model
from ..agent import Agent
from .engine import TestEngine
from .line import Dialling, Line, Switch
from .phone_model import LanguageModel, PhoneModel

AWAY = 503
"""What an endpoint answers that is away."""


class Exchange:
    """Made at the first call. One call at a time."""

    def __init__(
        self,
        new_switch: Callable[[Path, Path], Switch],
        engine_socket: Path | None = None,
        language_model: ChatModel | None = None,
    ) -> None:
        """`new_switch` gets the engine's socket, and a folder of its own. `engine_socket`: where a switch that is there
        already looks for an engine. `language_model`: answers in place of what tests script."""
        self._folder = tempfile.TemporaryDirectory(prefix="phone-")  # a short path: a Unix socket's has to fit
        self.folder = Path(self._folder.name)
        self.endpoint = LocalEndpointThread(agent_for=self._model_for)
        self.busy = False
        self._new_switch = new_switch
        self._language_model = language_model
        self._model = PhoneModel()
        self._switch: Switch | None = None
        self.endpoint.start()
        self.engine = TestEngine(engine_socket or self.folder / "engine.sock", self.folder, self.endpoint.url)

    @property
    def scripted(self) -> bool:
        """Whether the model does what tests say."""
        return self._language_model is None

    def serve(self, agent: type[Agent]) -> str:
        """The name of the agent, which may be called now. Raises as TestEngine.serve()."""
        __tracebackhide__ = True
        name = self.engine.serve(agent)
        if self._switch is None:
            self._switch = self._new_switch(self.engine.socket, self.folder)
        return name

    def line(self, dialling: Dialling) -> Line:
        assert self._switch is not None
        return self._switch.line(dialling)

    def begin_call(self, latency_ms: int, away: bool) -> PhoneModel:
        """The model of the next call, with an empty script. `away`: its endpoint can't be reached."""
        self._model = PhoneModel()
        behaviour = Behaviour(latency_ms=(latency_ms, latency_ms), refuse_status=AWAY if away else None)
        self.endpoint.call(lambda endpoint: setattr(endpoint, "behaviour", behaviour))
        return self._model

    def handshakes(self) -> list[Handshake]:
        """Of the endpoint, the refused ones too."""
        return self.endpoint.call(lambda endpoint: list(endpoint.handshakes))

    def _model_for(self, record: ConnectionRecord) -> Model:
        self._model.record = record
        return self._model if self._language_model is None else LanguageModel(self._language_model, self._model)

    def close(self) -> None:
        self.engine.stop()
        try:
            if self._switch is not None:
                self._switch.close()
        finally:
            self.endpoint.stop()
            self._folder.cleanup()
