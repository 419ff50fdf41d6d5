"""A user's own Python, named on the command line: `FILE.py:NAME` or `package.module:NAME`."""

import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from typing import Any

_FORM = re.compile(r"(?P<where>[^:]+):(?P<name>[A-Za-z_]\w*)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class LoadError(ValueError):
    """There is no such Python, or it doesn't run; the text says where, and why."""


def names_python(text: str) -> bool:
    """Whether it has the form of one, there or not."""
    form = _FORM.fullmatch(text)
    return form is not None and (form["where"].endswith(".py") or _MODULE.fullmatch(form["where"]) is not None)


def loaded(text: str) -> Any:
    """What the name stands for. Raises LoadError."""
    form = _FORM.fullmatch(text)
    if form is None or not names_python(text):
        raise LoadError(f"{text!r} is no FILE.py:NAME and no package.module:NAME")
    where, name = form["where"], form["name"]
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except LoadError:
        raise
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        line = getattr(error, "lineno", None) or place.lineno
        file = getattr(error, "filename", None) or place.filename
        raise LoadError(f"{where} can't be loaded: {file}, line {line}: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise LoadError(f"{where} has no function or class {name}")
    return found


def _from_file(file: Path) -> Any:
    if not file.is_file():
        raise LoadError(f"there is no file {file}")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise LoadError(f"{file} is no Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module
