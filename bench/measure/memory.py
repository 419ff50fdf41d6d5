"""Memory of a process, from /proc."""

from __future__ import annotations

from pathlib import Path

from mod_openai_realtime._media import StreamMemory

_MEMFD = "/memfd:openai_audio_stream"


def pss_mb(pid: int) -> float:
    """Proportional set size: memory that processes share counts for each in equal parts. 1 MB is 2^20 bytes."""
    return _field_kb(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / 1024


def rss_mb(pid: int) -> float:
    """Resident set size; what is shared counts in full."""
    return _field_kb(Path(f"/proc/{pid}/status"), "VmRSS:") / 1024


def _field_kb(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise ValueError(f"{path} has no {name}")


def stream_memories() -> list[StreamMemory]:
    """The memory of every stream of the switch that runs in this process: to look at its counters, never to read from.

    The module keeps the descriptor of each for an engine that comes back.
    """
    found: list[StreamMemory] = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:
            continue  # the one of this very listing
        if target.startswith(_MEMFD):
            found.append(StreamMemory(int(link.name)))
    return found
