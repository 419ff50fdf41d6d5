"""What the operating system allows a process."""

from __future__ import annotations

import resource

FILES_PER_CALL = 12  # of the process that has most of them, with some to spare
FILES_BESIDES = 200


def raise_open_files(calls: int) -> None:
    """As many open files as are allowed, for this process and those that it starts. Raises RuntimeError if too few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    needed = calls * FILES_PER_CALL + FILES_BESIDES
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise RuntimeError(f"{calls} calls need {needed} open files in a process, and {hard} are allowed (ulimit -Hn)")
