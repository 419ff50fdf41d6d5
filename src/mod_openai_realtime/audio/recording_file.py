"""The WAV file of a recording, right at any moment of its being written."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from pathlib import Path

from .audio_file import HEADER_BYTES
from .recording_place import Spot

FRAME_BYTES = 4  # two channels of pcm16
MAX_BYTES = (1 << 32) - 1 - HEADER_BYTES  # sizes in a WAV file have 32 bits
_NAMES_TRIED = 1000
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


class RecordingFile:
    """Stereo pcm16. All of it blocks on the disk, and no two calls may run at once."""

    def __init__(self, spot: Spot, rate: int, number: int = 0) -> None:
        """Make the file, under a name that is free: that of `spot`, or with _2, _3, … before the suffix. The descriptor
        of `spot` stays the caller's. `number` is that of a recording that goes on, in the file that an engine before
        this one has begun; if that can't be, it is a new one.

        Raises OSError where it can't be made.
        """
        self._rate = rate
        self._base: int | None = None
        self._frames = 0
        if number:
            with contextlib.suppress(OSError):
                self._reopen(spot, number)
                return
        self._create(spot)

    def _create(self, spot: Spot) -> None:
        for number in range(1, _NAMES_TRIED):
            candidate = _numbered(spot.path, number)
            try:
                self._descriptor = os.open(candidate.name, _CREATE, 0o600, dir_fd=spot.folder_fd)
            except FileExistsError:
                continue
            self.path, self.number = candidate, number
            self._write(_header(self._rate, 0), 0)
            return
        raise FileExistsError(errno.EEXIST, f"{_NAMES_TRIED} names in a row are taken")

    def _reopen(self, spot: Spot, number: int) -> None:
        path = _numbered(spot.path, number)
        self._descriptor = os.open(path.name, _OPEN, dir_fd=spot.folder_fd)
        try:
            form = slice(8, 40)  # all but the two sizes
            if os.pread(self._descriptor, HEADER_BYTES, 0)[form] != _header(self._rate, 0)[form]:
                raise FileNotFoundError(errno.ENOENT, "another file is in its place")
        except OSError:
            os.close(self._descriptor)
            raise
        # What the crash left behind the last header counts too.
        self._frames = max(0, os.fstat(self._descriptor).st_size - HEADER_BYTES) // FRAME_BYTES
        self._base = 0
        self.path, self.number = path, number

    @property
    def seconds(self) -> float:
        return self._frames / self._rate

    def write(self, position: int, pcm: bytes) -> None:
        """Put stereo pcm16 at sample frame `position`; a gap before it is silence, what is there already stays.

        Raises OSError; the file then holds what it held before.
        """
        if self._base is None:
            self._base = position
        at = position - self._base
        if at < self._frames:
            pcm = pcm[(self._frames - at) * FRAME_BYTES :]
            at = self._frames
        if not pcm:
            return
        end = at + len(pcm) // FRAME_BYTES
        if end * FRAME_BYTES > MAX_BYTES:
            raise OSError(errno.EFBIG, "a WAV file holds no more than 4 GiB")
        self._write(pcm, HEADER_BYTES + at * FRAME_BYTES)
        # Only now: whoever reads in between, or after a crash, finds what the header tells of.
        self._write(_header(self._rate, end), 0)
        self._frames = end

    def _write(self, data: bytes, offset: int) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._descriptor, rest, offset)
            rest, offset = rest[written:], offset + written

    def close(self) -> None:
        with contextlib.suppress(OSError):
            # What did not fit whole on a full disk.
            os.ftruncate(self._descriptor, HEADER_BYTES + self._frames * FRAME_BYTES)
        os.close(self._descriptor)


def _numbered(path: Path, number: int) -> Path:
    return path if number == 1 else path.with_name(f"{path.stem}_{number}{path.suffix}")


def _header(rate: int, frames: int) -> bytes:
    """RIFF WAVE, PCM, 2 channels of 16 bits."""
    size = frames * FRAME_BYTES
    form = struct.pack("<4s4sIHHIIHH", b"WAVE", b"fmt ", 16, 1, 2, rate, rate * FRAME_BYTES, FRAME_BYTES, 16)
    return b"RIFF" + struct.pack("<I", size + 36) + form + b"data" + struct.pack("<I", size)
