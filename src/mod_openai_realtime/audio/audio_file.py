"""WAV files of what the model said."""

import contextlib
import io
import os
import re
import wave
from pathlib import Path

from ..switch.command import DEFAULT_STREAM
from .file_quota import cost

HEADER_BYTES = 44
_BYTES_PER_SAMPLE = 2
_MAX_UUID_CHARACTERS = 128  # with a stream name of 64 a file name stays below the 255 bytes that file systems take
_NAMES_TRIED = 100


class AudioFiles:
    """The audio files of one stream, numbered from 0.

    All but the constructor block on the disk, and no two calls may run at once: call them from one thread that is not
    the event loop's, in order.
    """

    def __init__(self, temp_dir: Path, uuid: str, stream_name: str) -> None:
        """`stream_name` has been checked; `uuid` may be anything that a dialplan made up."""
        self.folder = temp_dir
        self._prefix = file_prefix(uuid, stream_name)
        self._index = 0
        self._written: list[int] = []

    def adopt(self) -> int:
        """Take over the files that an engine before this one wrote for the stream: numbers go on above theirs, and
        `remove_all` removes them too. What they take of a quota."""
        pattern = re.compile(re.escape(self._prefix) + r"_(0|[1-9][0-9]{0,8})\.tmp\.wav")
        with contextlib.suppress(OSError):
            found = [pattern.fullmatch(path.name) for path in self.folder.iterdir()]
            self._written += [int(match[1]) for match in found if match]
            self._index = max(self._written, default=-1) + 1
            return sum(cost(self._path(index).stat().st_size) for index in self._written)
        return 0

    def write(self, pcm16: bytes, rate: int) -> str:
        """Write a new file, at `rate` Hz, and return its path; half a sample at the end is left out.

        The file is new and readable to its owner only: names that exist, symbolic links among them, are passed over.
        Raises OSError where it can't be written (no folder, disk full, …); nothing stays behind then, and the next
        call may succeed.
        """
        content = _wav(pcm16, rate)
        index, descriptor = self._create()
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError:
            self._remove(index)
            raise
        self._written.append(index)
        return str(self._path(index))

    def remove_all(self) -> None:
        """Remove the stream's files; those that are gone already, or can't be removed, are passed over."""
        for index in self._written:
            self._remove(index)
        self._written.clear()

    def _create(self) -> tuple[int, int]:
        for _ in range(_NAMES_TRIED):
            index = self._index
            self._index += 1
            with contextlib.suppress(FileExistsError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                return index, os.open(self._path(index), flags, 0o600)
        raise FileExistsError(f"{_NAMES_TRIED} names of audio files in a row are taken")

    def _path(self, index: int) -> Path:
        return self.folder / f"{self._prefix}_{index}.tmp.wav"

    def _remove(self, index: int) -> None:
        with contextlib.suppress(OSError):
            self._path(index).unlink()


def _wav(pcm16: bytes, rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(_BYTES_PER_SAMPLE)
        wav.setframerate(rate)
        wav.writeframes(pcm16[: len(pcm16) // _BYTES_PER_SAMPLE * _BYTES_PER_SAMPLE])
    return buffer.getvalue()


def file_prefix(uuid: str, stream_name: str) -> str:
    """What the files of a stream are named after."""
    # A uuid set by `origination_uuid` is any text; it must not lead out of the folder.
    name = re.sub(r"[^0-9A-Za-z._-]", "_", uuid)[:_MAX_UUID_CHARACTERS]
    return name if stream_name == DEFAULT_STREAM else f"{name}_{stream_name}"
