"""OpenAI's translation sessions: audio in, audio out, and no responses. The interpreter here has one word: a tone."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import pybase64

from ..base64_audio import decoded
from ..errors import RequestError, error_body
from ..formats import PCM
from ..ids import new_id
from ..recording import Message
from ..schema import Check, anything, choice, fields, nullable, short_text, text
from .mimic import EndingOutlet

log = logging.getLogger(__name__)

TONE_HZ = 400
FRAME_MS = 200
_FRAME_BYTES = PCM.rate * PCM.sample_bytes * FRAME_MS // 1000
_QUIET = 500  # of 32,767
_LEVEL = 8000

_SESSION = fields(
    {
        "audio": fields(
            {
                "input": fields(
                    {
                        "transcription": nullable(fields({"model": text})),
                        "noise_reduction": nullable(fields({"type": choice("near_field", "far_field")})),
                    }
                ),
                "output": fields({"language": text}),
            }
        )
    }
)


def _event(**checks: Check) -> Check:
    return fields({"type": anything, "event_id": short_text(512), **checks}, list(checks))


_EVENTS = {
    "session.update": _event(session=_SESSION),
    "session.input_audio_buffer.append": _event(audio=text),
    "session.close": _event(),
}


class Translating:
    """`open` first, then `handle` for each message in order, then `close`."""

    def __init__(self, outlet: EndingOutlet, model: str) -> None:
        self._outlet = outlet
        self._heard = bytearray()
        self._elapsed_ms = 0
        self._audio: dict[str, Any] = {
            "input": {"transcription": None, "noise_reduction": None},
            "output": {"language": "en"},
        }
        self._session = {
            "type": "translation",
            "object": "realtime.session",
            "id": new_id("sess"),
            "model": model,
            "expires_at": int(time.time()) + 3600,
        }

    def open(self) -> None:
        self._show("session.created")

    async def close(self) -> None:
        """Nothing runs here."""

    async def handle(self, message: Message) -> None:
        event = message.event or {}
        try:
            kind = event.get("type")
            if kind not in _EVENTS:
                raise RequestError("invalid_value", f"Invalid value: {kind!r}.", "type")
            good = _EVENTS[kind](event, "")
            if kind == "session.update":
                self._update(good["session"].get("audio", {}))
            elif kind == "session.close":
                self._interpret(flush=True)
                self._outlet.emit({"type": "session.closed"})
                self._outlet.end_after_queue(1000, "")
            else:
                self._heard += decoded(good["audio"], "audio")
                self._interpret()
        except RequestError as error:
            log.info("refused: %s", error.message)
            given = event.get("event_id")
            body = error_body(error, given if isinstance(given, str) else None)
            self._outlet.emit({"type": "error", "error": body})

    def _update(self, audio: dict[str, Any]) -> None:
        for side in ("input", "output"):
            self._audio[side] = {**self._audio[side], **audio.get(side, {})}
        self._show("session.updated")

    def _show(self, kind: str) -> None:
        self._outlet.emit({"type": kind, "session": {**self._session, "audio": self._audio}})

    def _interpret(self, *, flush: bool = False) -> None:
        while len(self._heard) >= _FRAME_BYTES or (flush and self._heard):
            piece = PCM.decode(bytes(self._heard[:_FRAME_BYTES][: len(self._heard) // 2 * 2]))
            del self._heard[:_FRAME_BYTES]
            at = np.arange(len(piece)) + self._elapsed_ms * PCM.rate // 1000
            beep = _LEVEL * np.sin(2 * np.pi * TONE_HZ * at / PCM.rate)
            said = PCM.encode((beep * (np.abs(piece.astype(int)) > _QUIET).any()).astype(np.int16))
            self._elapsed_ms += len(piece) * 1000 // PCM.rate
            self._outlet.emit(
                {
                    "type": "session.output_audio.delta",
                    "delta": pybase64.b64encode(said).decode(),
                    "sample_rate": PCM.rate,
                    "channels": 1,
                    "format": "pcm16",
                    "elapsed_ms": self._elapsed_ms,
                }
            )
