"""The log of the command's own processes, on stderr. One record is one line, with what follows it indented."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import TracebackType

from ..token_bucket import TokenBucket
from .printable import printable

FORMAT = "%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s"
REPEATS, REPEATS_PER_S = 20, 1
"""How often one line of the code may warn: so many times at once, then so many a second. What a peer does wrong, or
what we do wrong with it, it may do ten thousand times a second, each with a trace."""

_LEFT_OUT = "left_out"
_INDENT = "  | "  # no record begins so: what a traceback quotes can not pass for one


class PrintableFormatter(logging.Formatter):
    """Whatever a record quotes of a server, a variable or a command, it does not act on the terminal that shows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's names)
        left_out = getattr(record, _LEFT_OUT, 0)
        return printable(super().formatMessage(record)) + (f" ({left_out} more were left out)" if left_out else "")

    def formatException(  # noqa: N802
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _indented(super().formatStack(stack_info))


class RepeatLimit(logging.Filter):
    """Leaves out what one place in the code says too often; the next that it says tells how many those were."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """`clock` counts ns."""
        super().__init__()
        self._clock = clock
        self._places: dict[tuple[str, int], tuple[TokenBucket, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True  # it was asked for
        place = record.pathname, record.lineno
        bucket, left_out = self._places.get(place) or (TokenBucket(REPEATS, REPEATS_PER_S), 0)
        if bucket.left(self._clock()) < 1:
            self._places[place] = bucket, left_out + 1
            return False
        bucket.spend(1)
        self._places[place] = bucket, 0
        setattr(record, _LEFT_OUT, left_out)
        return True


def _indented(text: str) -> str:
    return "\n".join(_INDENT + printable(line) for line in text.splitlines())


def set_up_logging(level: str) -> None:
    """`level`: one of logging's names, in any case."""
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter(FORMAT))
    handler.addFilter(RepeatLimit())
    logging.basicConfig(level=level.upper(), handlers=[handler])
