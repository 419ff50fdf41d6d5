"""CPU time of processes and their threads, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Thread:
    """`cpu_ns` is user and system time since the thread began, as the scheduler counted it."""

    name: str
    cpu_ns: int


def threads(pid: int) -> dict[int, Thread]:
    """The threads of a process by id; one that ended meanwhile is left out."""
    found: dict[int, Thread] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            # Nanoseconds on a CPU: the clock ticks of `stat` are too coarse for a thread that takes a few a second.
            running = int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(task.name)] = Thread(name, running)
    return found


def process_s(pid: int) -> float:
    """CPU seconds of all threads that a process has now."""
    return sum(thread.cpu_ns for thread in threads(pid).values()) / 1e9


def lifetime_s(pid: int) -> float:
    """CPU seconds of all threads that a process ever had, to the clock tick."""
    return sum(mode_ticks(pid)) * _TICK_S


def mode_ticks(pid: int) -> tuple[int, int]:
    """Clock ticks in user mode and in the kernel: exact enough for their proportion."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def busy_s() -> float:
    """CPU seconds that all cores of the machine have spent on anything at all, interrupts included."""
    user, nice, system, _idle, _iowait, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + sum(rest[:3])) * _TICK_S
