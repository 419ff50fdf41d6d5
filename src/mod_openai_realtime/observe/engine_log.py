"""The log of the command's own processes, on stderr. One record is one line, with what follows it indented."""

from __future__ import annotations

import logging
from types import TracebackType

from .printable import printable

FORMAT = "%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s"
_INDENT = "  | "  # no record begins so: what a traceback quotes can not pass for one


class PrintableFormatter(logging.Formatter):
    """Whatever a record quotes of a server, a variable or a command, it does not act on the terminal that shows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's names)
        return printable(super().formatMessage(record))

    def formatException(  # noqa: N802
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _indented(super().formatStack(stack_info))


def _indented(text: str) -> str:
    return "\n".join(_INDENT + printable(line) for line in text.splitlines())


def set_up_logging(level: str) -> None:
    """`level`: one of logging's names, in any case."""
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter(FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
