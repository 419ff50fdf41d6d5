"""Frames of all sessions in one run of the network: the more there are at once, the less each costs."""

import asyncio
from typing import Any, Protocol

from .vad import Frame

# More in one run cost no less each, and everything else would wait for them.
_MOST = 32


class BatchModel(Protocol):
    """A SpeechModel that can judge several frames at once."""

    def probabilities(self, states: list[Any], frames: list[Frame]) -> list[tuple[float, Any]]:
        """What `probability` says of each."""


class SpeechBatch:
    """Gathers what the sessions of one event loop ask in the same round of it."""

    def __init__(self, model: BatchModel) -> None:
        self._model = model
        self._asked: list[tuple[Any, Frame, asyncio.Future[tuple[float, Any]]]] = []

    async def probability(self, state: Any, frame: Frame) -> tuple[float, Any]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[float, Any]] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._run)
        self._asked.append((state, frame, answer))
        return await answer

    def _run(self) -> None:
        asked, self._asked = self._asked, []
        for begin in range(0, len(asked), _MOST):
            some = asked[begin : begin + _MOST]
            try:
                found = self._model.probabilities([each[0] for each in some], [each[1] for each in some])
            except Exception as error:
                for _, _, answer in some:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, _, answer), each in zip(some, found, strict=True):
                if not answer.done():
                    answer.set_result(each)
