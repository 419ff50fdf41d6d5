"""Audio files off the event loop: written in order by one thread, told of on the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

import orjson

from ..dialect.messages import ServerMessage
from ..limits import MAX_PLAY_BYTES
from .audio_file import HEADER_BYTES, AudioFiles
from .file_quota import MAX_STREAM_BYTES, FileQuota, cost

# A disk that is slower than the calls: files are skipped rather than queued without end.
MAX_WAITING = 256
MAX_WAITING_BYTES = 32 * 2**20


class FileWriter:
    """`play` events come in the order of the files. After the first failure one warning, and playback goes on."""

    def __init__(self, files: AudioFiles, executor: Executor, quota: FileQuota) -> None:
        """`quota`: of all streams of the worker."""
        self._files = files
        self._executor = executor
        self._quota = quota
        self._loop = asyncio.get_running_loop()
        self._waiting = self._waiting_bytes = 0
        self._taken = 0  # of the quota, by this stream
        self._warned = False
        self._stripped = False  # that was said
        self._removed = False

    def adopt(self) -> None:
        """Take over what an engine before this one wrote for the stream, before anything is written."""

        def work() -> None:
            self._loop.call_soon_threadsafe(self._take, self._files.adopt())

        self._executor.submit(work)

    def _take(self, quota_bytes: int) -> None:
        """Negative: give back."""
        self._taken += quota_bytes
        self._quota.taken_bytes += quota_bytes

    def _full(self, price: int) -> str | None:
        """Why a file that takes so much of the quota isn't written; None: it is."""
        if self._waiting >= MAX_WAITING or (self._waiting and self._waiting_bytes + price > MAX_WAITING_BYTES):
            return f"the disk of {self._files.folder} is too slow"
        if self._taken + price > MAX_STREAM_BYTES:
            return f"the stream has {MAX_STREAM_BYTES >> 20} MiB of them already"
        if not self._quota.has_room(price):
            return f"the streams of this worker have {self._quota.most_bytes >> 20} MiB of them already"
        return None

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
        price = cost(len(pcm) + HEADER_BYTES)
        why = self._full(price)
        if why is not None:
            self._warn(warn, f"audio files are skipped: {why}")
            return
        rest = self._rest(message, warn)
        self._waiting += 1
        self._waiting_bytes += price
        self._take(price)

        def done(path: str | None, error: str) -> None:
            self._waiting -= 1
            self._waiting_bytes -= price
            if path is None:
                self._take(-price)
                self._warn(warn, f"audio file not written to {self._files.folder}: {error}")
            elif not self._removed:
                played(_body(rest, path))

        def work() -> None:
            path, reason = None, ""
            try:
                path = self._files.write(pcm, rate)
            except OSError as error:
                reason = error.strerror or str(error)
            self._loop.call_soon_threadsafe(done, path, reason)

        self._executor.submit(work)

    def _rest(self, message: ServerMessage | None, warn: Callable[[str], None]) -> bytes:
        """What the `play` event has of the delta's message: all but the audio, or nothing where that is too much. Now,
        since nothing larger is to wait for the disk."""
        rest = b"{}"
        if message is not None:
            rest = orjson.dumps({name: value for name, value in message.fields.items() if name != "file"})
        if len(rest) > MAX_PLAY_BYTES:
            if not self._stripped:
                self._stripped = True
                size = f"more than {MAX_PLAY_BYTES >> 10} KiB beside its audio"
                warn(f"a message has {size}: the play event of such a one has nothing but the file")
            return b"{}"
        return rest

    def remove_all(self) -> None:
        """The stream has ended: its files go, after those still being written."""
        self._removed = True

        def work() -> None:
            self._files.remove_all()
            self._loop.call_soon_threadsafe(lambda: self._take(-self._taken))

        self._executor.submit(work)

    def _warn(self, warn: Callable[[str], None], text: str) -> None:
        if not self._warned:
            self._warned = True
            warn(text)


def _body(rest: bytes, path: str) -> bytes:
    """The delta's message with the file in place of the audio; in raw mode just the file."""
    file = orjson.dumps({"file": path})
    return file if rest == b"{}" else rest[:-1] + b"," + file[1:]
