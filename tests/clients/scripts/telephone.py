"""What all Python clients here need: the order, a microphone, a loudspeaker, and the report. Standard library only."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

BYTES_PER_MS = 48
"""Of pcm at 24 kHz."""
_G711_BYTES_PER_MS = 8
_SILENCE = {"audio/pcm": b"\0", "audio/pcmu": b"\xff", "audio/pcma": b"\xd5"}
_STEP_MS = 20
_LIMIT_S = 75
ANSWER_HEARD_MS = 1500
"""So much of the answer the caller listens to before interrupting."""

PAUSE_S = 0.8
"""So long the caller is silent before answering, as people are."""


class Order:
    """What the test wants: the file named on the command line."""

    def __init__(self) -> None:
        values = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        self.base_url: str = values["base_url"]
        self.url: str = f"{self.base_url}/realtime?model={values['model']}"
        self.model: str = values["model"]
        self.key: str = values["key"]
        self.instructions: str = values["instructions"]
        self.format: str = values["format"]
        """`audio/pcm`, `audio/pcmu` or `audio/pcma`: of both directions, and of the caller's turns."""
        self.bytes_per_ms = BYTES_PER_MS if self.format == "audio/pcm" else _G711_BYTES_PER_MS
        self.question = Path(values["question"]).read_bytes()
        self.interruption = Path(values["interruption"]).read_bytes()
        self.tool: dict[str, Any] = values["tool"]
        self._tool_result: dict[str, Any] = values["tool_result"]
        self._tool_fails: bool = values["tool_fails"]
        self.report = Path(values["report"])

    def tool_result(self) -> dict[str, Any]:
        """Raises RuntimeError where the tool is to fail."""
        if self._tool_fails:
            raise RuntimeError("the book of hours is lost")
        return self._tool_result


class Report:
    """What the client saw, from its own side."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.tools: list[dict[str, Any]] = []
        self.caller: list[str] = []
        self.interruptions = 0
        self.errors: list[str] = []
        self.log: list[str] = []
        self.history: list[dict[str, Any]] = []

    def hears(self, key: str) -> dict[str, Any]:
        """The entry of an answer, made when it is first heard of; `key` says which answer."""
        for entry in self.heard:
            if entry["key"] == key:
                return entry
        self.heard.append({"key": key, "text": "", "audio_ms": 0.0})
        return self.heard[-1]


class Microphone:
    """Sends 20 ms each 20 ms: what the caller says, and silence otherwise."""

    def __init__(self, send: Callable[[bytes], Awaitable[object]], order: Order | None = None) -> None:
        """Without an order: pcm."""
        self._send = send
        self._step = _STEP_MS * (order.bytes_per_ms if order is not None else BYTES_PER_MS)
        self._silence = _SILENCE[order.format if order is not None else "audio/pcm"]
        self._waiting = b""

    def say(self, pcm: bytes) -> None:
        self._waiting += pcm

    async def run(self) -> None:
        step = self._step
        due = time.monotonic()
        while True:
            piece, self._waiting = self._waiting[:step], self._waiting[step:]
            await self._send(piece.ljust(step, self._silence))
            due += _STEP_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))


class Loudspeaker:
    """Plays what comes, in real time, from when the first of it came."""

    def __init__(self, bytes_per_ms: int = BYTES_PER_MS) -> None:
        self._bytes_per_ms = bytes_per_ms
        self._begun: float | None = None
        self._received_ms = 0.0

    def play(self, data_bytes: int) -> None:
        if self._begun is None:
            self._begun = time.monotonic()
        self._received_ms += data_bytes / self._bytes_per_ms

    @property
    def heard_ms(self) -> int:
        if self._begun is None:
            return 0
        return int(min(self._received_ms, (time.monotonic() - self._begun) * 1000))

    @property
    def playing(self) -> bool:
        return self._begun is not None and self.heard_ms < int(self._received_ms)

    async def heard(self, ms: float) -> None:
        while self.heard_ms < ms:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(0.02)

    async def silent(self) -> None:
        """Returns when all that came has been heard, and a pause later."""
        while self.playing:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await asyncio.sleep(PAUSE_S)


class _Collector(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.levelname} {record.name}: {self.format(record)}")


def run(converse: Callable[[Order, Report], Coroutine[Any, Any, None]]) -> None:
    """Runs the conversation, and writes the report whatever became of it."""
    order, report = Order(), Report()
    logging.getLogger().addHandler(_Collector(report.log))

    async def limited() -> None:
        async with asyncio.timeout(_LIMIT_S):
            await converse(order, report)

    try:
        asyncio.run(limited())
    except BaseException as error:
        logging.getLogger("client").exception("the conversation broke off")
        report.errors.append(f"{type(error).__name__}: {error}")
    order.report.write_text(json.dumps(vars(report)), encoding="utf-8")
