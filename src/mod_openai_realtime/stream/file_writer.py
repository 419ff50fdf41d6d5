"""Audio files off the event loop: written in order by one thread, told of on the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

import orjson

from ..realtime.messages import ServerMessage
from .audio_file import AudioFiles

# A disk that is slower than the calls: files are skipped rather than queued without end.
MAX_WAITING = 256


class FileWriter:
    """`play` events come in the order of the files. After the first failure one warning, and playback goes on."""

    def __init__(self, files: AudioFiles, executor: Executor) -> None:
        self._files = files
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._waiting = 0
        self._warned = False
        self._removed = False

    def write(
        self,
        pcm: bytes,
        rate: int,
        message: ServerMessage | None,
        played: Callable[[bytes], None],
        warn: Callable[[str], None],
    ) -> None:
        """Write one file of pcm16 at `rate` Hz; `played` gets the body of its `play` event."""
        if self._removed:
            return
        if self._waiting >= MAX_WAITING:
            self._warn(warn, f"audio files are skipped: the disk of {self._files.folder} is too slow")
            return
        self._waiting += 1

        def done(path: str | None, error: str) -> None:
            self._waiting -= 1
            if path is None:
                self._warn(warn, f"audio file not written to {self._files.folder}: {error}")
            elif not self._removed:
                played(_body(message, path))

        def work() -> None:
            path, reason = None, ""
            try:
                path = self._files.write(pcm, rate)
            except OSError as error:
                reason = error.strerror or str(error)
            self._loop.call_soon_threadsafe(done, path, reason)

        self._executor.submit(work)

    def remove_all(self) -> None:
        """The stream has ended: its files go, after those still being written."""
        self._removed = True
        self._executor.submit(self._files.remove_all)

    def _warn(self, warn: Callable[[str], None], text: str) -> None:
        if not self._warned:
            self._warned = True
            warn(text)


def _body(message: ServerMessage | None, path: str) -> bytes:
    """The delta's message with the file in place of the audio; in raw mode just the file."""
    fields = dict(message.fields) if message is not None else {}
    fields["file"] = path
    return orjson.dumps(fields)
