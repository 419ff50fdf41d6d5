"""Where a recording may lie: beneath FreeSWITCH's folder for recordings, or a folder that the engine was started with.

Whoever sets channel variables may be anyone: no name leads out of these folders, by `..` or by a symbolic link, even
one that is made meanwhile. The folders themselves are the administrator's, and may be links.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .audio_file import file_prefix

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class PlaceError(Exception):
    """No recording may lie there. The text says why, without the name."""


class Spot(NamedTuple):
    """A file to be made: its path, and the descriptor of the folder that the path's last part is in (to be closed)."""

    path: Path
    folder_fd: int


@dataclass(frozen=True, slots=True)
class Place:
    """`parts` lead on from `folder`; the last is a file, or a folder that exists; none: the folder itself."""

    folder: Path
    parts: tuple[str, ...]

    def open(self, uuid: str, stream_name: str) -> Spot:
        """Looks at the disk. In a folder the file is named after the channel. Raises OSError, with the path."""
        folder, path = os.open(self.folder, _FOLDER), self.folder
        name = f"{file_prefix(uuid, stream_name)}.wav"
        try:
            for index, part in enumerate(self.parts):
                try:
                    following = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                except OSError as error:
                    if index == len(self.parts) - 1 and error.errno in (errno.ENOENT, errno.ENOTDIR):
                        name = part  # what is there already, if anything, is passed over
                        break
                    if error.errno == errno.ENOTDIR:
                        raise NotADirectoryError(error.errno, "a part of its path is no folder, or a link") from None
                    raise
                os.close(folder)
                folder, path = following, path / part
        except OSError as error:
            os.close(folder)
            raise OSError(error.errno, error.strerror, str(self.folder.joinpath(*self.parts))) from None
        return Spot(path / name, folder)


def find_place(wanted: str | None, recordings_dir: str, allowed: Sequence[Path] = ()) -> Place:
    """`wanted` is absolute or relative to `recordings_dir`, FreeSWITCH's ("" where it has none); None is that folder.
    `allowed`: other folders. Looks at no disk. Raises PlaceError."""
    if wanted is not None and not wanted.isprintable():
        raise PlaceError("is not a file name")
    path = Path(wanted or "")
    if ".." in path.parts:
        raise PlaceError("may not lead upwards by '..'")
    home = Path(os.path.normpath(recordings_dir)) if recordings_dir else None
    if not path.is_absolute():
        if home is None:
            raise PlaceError("is of no use: FreeSWITCH has no folder for recordings")
        return Place(home, path.parts)
    for folder in (*([home] if home is not None else []), *allowed):
        if path.is_relative_to(folder):
            return Place(folder, path.relative_to(folder).parts)
    raise PlaceError("is outside of FreeSWITCH's folder for recordings; engine --recordings-dir allows others")
