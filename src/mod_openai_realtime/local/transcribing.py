"""What the caller has said: asked of the model's script or of a transcriber, told to the client where it wants that."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from .g711 import Samples
from .items import Item
from .outlet import Outlet
from .turns import Model
from .usage import INPUT_TOKEN_MS, text_tokens

log = logging.getLogger(__name__)

Transcriber = Callable[[Samples, int], Awaitable[str]]
"""Of samples and their rate: what was said."""

_NAME = "conversation.item.input_audio_transcription"


class Transcribing:
    """Of one session. Transcripts are told in the order of the turns."""

    def __init__(self, model: Model, transcriber: Transcriber | None, outlet: Outlet) -> None:
        self._model = model
        self._transcriber = transcriber
        self._outlet = outlet
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, item: Item, samples: Samples, rate: int, settings: dict[str, Any] | None, logprobs: bool) -> None:
        """`settings` as the session's `transcription`: None, and the client hears nothing of it."""
        if settings is None and self._transcriber is None and not self._model.wants_words:
            return
        before = self._tasks[-1] if self._tasks else None
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(self._run(item, samples, rate, settings, logprobs, before)))

    async def finished(self) -> None:
        """Returns once all that the caller has said until now is known, or known not to be."""
        if self._tasks:
            await asyncio.shield(self._tasks[-1])

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(
        self,
        item: Item,
        samples: Samples,
        rate: int,
        settings: dict[str, Any] | None,
        logprobs: bool,
        before: asyncio.Task[None] | None,
    ) -> None:
        place = {"item_id": item.id, "content_index": 0}
        try:
            text = await self._model.transcribe(samples, rate)
            if text is None:
                if self._transcriber is None:
                    raise LookupError("this endpoint has no transcriber")
                text = await self._transcriber(samples, rate)
            item.said = text
        except Exception as error:
            log.info("nobody knows what the caller said: %s", error)
            if before is not None:
                await asyncio.wait([before])
            if settings is not None:
                details = {"type": "transcription_error", "code": "transcription_failed", "message": str(error)}
                self._outlet.emit({"type": f"{_NAME}.failed", **place, "error": details})
            return
        if before is not None:
            await asyncio.wait([before])
        if settings is None:
            return
        item.data["content"][0]["transcript"] = text
        model = settings.get("model") or ""
        for delta in [text] if model.startswith("whisper") else _words(text):
            shown = {"logprobs": [_logprob(delta)]} if logprobs else {}
            self._outlet.emit({"type": f"{_NAME}.delta", **place, "delta": delta, **shown})
        seconds = len(samples) / rate
        if model.endswith("diarize"):
            segment = {"id": f"seg_{item.id}", "speaker": "A", "start": 0.0, "end": seconds, "text": text}
            self._outlet.emit({"type": f"{_NAME}.segment", **place, **segment})
        shown = {"logprobs": [_logprob(word) for word in _words(text)]} if logprobs else {}
        done = {"transcript": text, "usage": _usage(model, text, seconds), **shown}
        self._outlet.emit({"type": f"{_NAME}.completed", **place, **done})


def _words(text: str) -> list[str]:
    return [word if index == 0 else f" {word}" for index, word in enumerate(text.split())] or [text]


def _logprob(token: str) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode()), "logprob": -0.01}


def _usage(model: str, text: str, seconds: float) -> dict[str, Any]:
    if not model.startswith("gpt-4o"):
        return {"type": "duration", "seconds": seconds}
    audio, written = round(seconds * 1000 / INPUT_TOKEN_MS), text_tokens(text)
    return {
        "type": "tokens",
        "input_tokens": audio,
        "output_tokens": written,
        "total_tokens": audio + written,
        "input_token_details": {"audio_tokens": audio, "text_tokens": 0},
    }
