"""Which file of the module a running FreeSWITCH has in its memory, by /proc/PID/maps (proc_pid_maps(5)).

The loader keeps a C++ module in memory after `unload` where it has a unique symbol (STB_GNU_UNIQUE), and gives
FreeSWITCH the old code again at the next `load` of that path, whatever lies there by then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAPPED = re.compile(r"^\S+ \S+ \S+ (?P<major>\w+):(?P<minor>\w+) (?P<inode>\d+) +(?P<path>/.*)$", re.MULTILINE)
_DELETED = " (deleted)"


@dataclass(frozen=True, slots=True)
class MappedFile:
    """`gone`: there is no name for it any more; it has been replaced."""

    path: Path
    device: int
    inode: int
    gone: bool

    def is_file(self, path: Path) -> bool:
        """Whether it is what lies at `path` now. Raises OSError."""
        if self.gone:
            return False
        found = path.stat()
        # Some file systems (overlay, btrfs) show another device here than stat does; then the path has to do.
        return self.inode == found.st_ino if self.device == found.st_dev else self.path == path.resolve()


@dataclass(frozen=True, slots=True)
class Process:
    """A FreeSWITCH. `modules` are the files of our module's name that it has mapped; None: that can't be read."""

    pid: int
    uid: int
    modules: tuple[MappedFile, ...] | None


def mapped_files(maps: str) -> list[MappedFile]:
    """What the text of a `maps` file names, each file once."""
    found = {}
    for line in _MAPPED.finditer(maps):
        path = line["path"]
        device = os.makedev(int(line["major"], 16), int(line["minor"], 16))
        gone = path.endswith(_DELETED)
        found[line["path"]] = MappedFile(Path(path.removesuffix(_DELETED)), device, int(line["inode"]), gone)
    return list(found.values())


def processes(module_dir: Path, name: str, proc: Path = Path("/proc")) -> Iterator[Process]:
    """All FreeSWITCHes that have modules of this folder, and those of which that can't be known.

    `name` is the module's, without `.so`: a file whose name begins with it is one of its files, whatever folder it is
    in, since an old one may have been moved.
    """
    folder = module_dir.resolve()
    for entry in sorted(proc.iterdir(), key=lambda each: (len(each.name), each.name)):
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "comm").read_text().strip()
            uid = entry.stat().st_uid
        except OSError:
            continue  # it has ended
        try:
            files = mapped_files((entry / "maps").read_text(errors="replace"))
        except FileNotFoundError:
            continue
        except OSError:
            if command == "freeswitch":
                yield Process(int(entry.name), uid, None)
            continue
        if any(file.path.parent == folder for file in files):
            modules = tuple(file for file in files if file.path.name.lstrip(".").startswith(name))
            yield Process(int(entry.name), uid, modules)
