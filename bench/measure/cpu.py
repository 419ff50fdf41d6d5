"""CPU time of processes and their threads, from /proc."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_SCHEDULER_CLOCK = 2  # CPUCLOCK_SCHED


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
    """CPU seconds of all threads that a process ever had, those that have ended included, to the nanosecond."""
    # The kernel's clock of another process has this number; clock_getcpuclockid(3) makes it the same way.
    return time.clock_gettime_ns(~pid << 3 | _SCHEDULER_CLOCK) / 1e9


def mode_ticks(pid: int) -> tuple[int, int]:
    """Clock ticks in user mode and in the kernel: exact enough for their proportion."""
    user, system, _, _ = _times(Path(f"/proc/{pid}/stat"))
    return user, system


def busy_s() -> float:
    """CPU seconds that all processes of the machine have used, and those that its host took away.

    Not the sum in /proc/stat: that is who was running at each clock tick, which misses those that wake with the tick.
    A process counts with the children that it has waited for, so that those which begin and end in between are in it.
    """
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            ticks += sum(_times(stat))
    stolen = int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[8])
    return (ticks + stolen) * _TICK_S


def _times(stat: Path) -> tuple[int, int, int, int]:
    """Clock ticks in user mode and in the kernel, and both of the children that were waited for."""
    fields = stat.read_text().rpartition(")")[2].split()
    user, system, of_children, system_of_children = map(int, fields[11:15])
    return user, system, of_children, system_of_children
