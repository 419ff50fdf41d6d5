"""The model at the other end of a call: what the test says it does, or a language model."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ...local.chat import ChatModel
from ...local.g711 import Samples
from ...local.recording import ConnectionRecord
from ...local.scripted_model import ScriptedModel
from ...local.turns import Context, Model, Piece, Turn
from .model import words_asked_for


class PhoneModel(ScriptedModel):
    """Of a call, whatever sessions it has. Told what to say, it says that, without what the agent is beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.record: ConnectionRecord | None = None
        """Of its newest session."""
        self.unscripted: set[str] = set()
        """What it has said for want of a script."""

    async def answer(self, context: Context) -> Turn:
        turn = await super().answer(context)
        if context.asked is None or turn.text != context.asked:
            if turn.text == context.instructions:
                self.unscripted.add(turn.text)
            return turn
        updates = self.record.received_events("session.update") if self.record is not None else []
        told = [each["session"]["instructions"] for each in updates if "instructions" in each["session"]]
        return Turn(words_asked_for(context.asked, told[-1] if told else ""))


class LanguageModel(Model):
    """Answers in place of a call's script, of which it takes only what the caller says."""

    def __init__(self, chat: ChatModel, script: ScriptedModel) -> None:
        self._chat = chat
        self._script = script

    async def answer(self, context: Context) -> AsyncIterator[Piece]:
        self._script.contexts.append(context)
        return await self._chat.answer(context)

    async def transcribe(self, samples: Samples, rate: int) -> str | None:
        return await self._script.transcribe(samples, rate)
