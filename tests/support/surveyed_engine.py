"""The engine as in engine_process.py, whose workers tell what they hold: objects, tasks, memory."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import time
from collections import Counter
from enum import Enum
from pathlib import Path
from types import FrameType

from engine_process import EngineProcess

_FOLDER = "SURVEY_FOLDER"
_COUNTED = ("mod_openai_realtime.", "picows.", "asyncio.", "_asyncio.", "ssl.", "_ssl.", "_socket.", "socket.")
_WITHIN_S = 10.0


class SurveyedEngine(EngineProcess):
    def __init__(self, directory: Path, *options: str) -> None:
        super().__init__(directory, *options, program=(__file__,))
        self._folder = directory

    def start(self) -> None:
        os.environ[_FOLDER] = str(self._folder)
        try:
            super().start()
        finally:
            del os.environ[_FOLDER]

    def survey(self) -> dict[str, int]:
        """Over all workers: what they hold that they did not when they began, by its name. Raises TimeoutError."""
        whole = Counter[str]()
        for worker in self.children:
            told = self._folder / f"{worker}.json"
            told.unlink(missing_ok=True)
            os.kill(worker, signal.SIGUSR2)
            deadline = time.monotonic() + _WITHIN_S
            while not told.exists():
                if time.monotonic() > deadline:
                    raise TimeoutError(f"worker {worker} does not answer\n{self.log_tail()}")
                time.sleep(0.005)
            whole.update(json.loads(told.read_text()))
        return dict(whole)

    def resident_kb(self) -> int:
        """Of all workers."""
        pages = sum(int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in self.children)
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _survey() -> dict[str, int]:
    """What a worker was born with it has frozen: that is not among the objects that are collected."""
    gc.collect()
    # Python keeps each value of a flag that it has once met.
    objects = (each for each in gc.get_objects() if not isinstance(each, Enum))
    kinds = (f"{type(each).__module__}.{type(each).__qualname__}" for each in objects)
    maps = Path("/proc/self/maps").read_text()
    figures = {"tasks": len(asyncio.all_tasks()), "memories of streams": maps.count("/memfd:")}
    return Counter(name for name in kinds if name.startswith(_COUNTED)) | Counter(figures)


def _tell(_number: int, _frame: FrameType | None) -> None:
    """Whole, or not at all: somebody waits for it."""
    told = Path(os.environ[_FOLDER], f"{os.getpid()}.json")
    half = told.with_suffix(".half")
    half.write_text(json.dumps(_survey()))
    half.rename(told)


if __name__ == "__main__":
    from mod_openai_realtime.cli import main

    signal.signal(signal.SIGUSR2, _tell)  # those who are forked have it too
    main()
