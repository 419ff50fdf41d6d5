"""Types of options of the command line that click does not have."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click


class ExistingPath(click.Path):
    """As click's, which takes what may not be looked at for what is not there."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(exists=True, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            Path(value).stat()
        except OSError as error:
            self.fail(f"{os.fspath(value)!r}: {error.strerror}", param, ctx)
        super().convert(value, param, ctx)
        return Path(value).absolute()


class FileOrPython(ExistingPath):
    """A file, or `FILE.py:NAME` or `package.module:NAME` for what is in one, which stays a text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if re.fullmatch(r"[^:]+:[A-Za-z_]\w*", str(value)) and not Path(value).exists():
            return str(value)
        return super().convert(value, param, ctx)
