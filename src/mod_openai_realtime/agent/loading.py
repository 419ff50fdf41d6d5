"""Agents from files: `FILE:CLASS`, `name=FILE:CLASS`, or a file that has only one."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from .agent import Agent, check_agent
from .errors import AgentError

NAME = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")


@dataclass(frozen=True, slots=True)
class LoadedAgent:
    name: str
    cls: type[Agent]
    file: Path


def load(specifications: Iterable[str]) -> dict[str, LoadedAgent]:
    """By name. Runs the files. Raises AgentError that names file, line and reason."""
    found: dict[str, LoadedAgent] = {}
    for each in specifications:
        loaded = load_one(each)
        other = found.get(loaded.name)
        if other is not None:
            raise AgentError(
                f"{loaded.file}: {loaded.cls.__name__} has the name '{loaded.name}', and so has "
                f"{other.cls.__name__} of {other.file}; give one another: name={loaded.file}:{loaded.cls.__name__}"
            )
        found[loaded.name] = loaded
    return found


def load_one(specification: str) -> LoadedAgent:
    """Raises AgentError."""
    name, equals, rest = specification.partition("=")
    if not equals or "/" in name:
        name, rest = "", specification
    path, colon, class_name = rest.rpartition(":")
    if not colon or not class_name.isidentifier():
        path, class_name = rest, ""
    file = Path(path).absolute()
    module = _run(file)
    cls = _class_named(module, class_name, file) if class_name else _only_class(module, file)
    try:
        check_agent(cls)
    except AgentError as error:
        raise AgentError(f"{file}: {error}") from None
    name = name or snake_case(cls.__name__)
    if not NAME.match(name):
        raise AgentError(f"{file}: the name '{name}' is not 1 to 64 letters, digits, '_', '-' and '.'")
    return LoadedAgent(name, cls, file)


def snake_case(name: str) -> str:
    """BakeryPhone is bakery_phone, HTTPAgent http_agent."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _run(file: Path) -> ModuleType:
    if not file.is_file():
        raise AgentError(f"{file}: there is no such file")
    folder = str(file.parent)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    name = file.stem if file.stem.isidentifier() else re.sub(r"\W", "_", f"agent_{file.stem}")
    package = _package(file)
    if package:
        name = f"{package}.{name}"
    known = sys.modules.get(name)
    if known is not None:
        if getattr(known, "__file__", None) == str(file):
            return known
        name = f"{name}_{abs(hash(file)):x}"  # of another folder, or of the standard library
    specification = importlib.util.spec_from_file_location(name, file)
    if specification is None or specification.loader is None:
        raise AgentError(f"{file}: this is no Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, too
        del sys.modules[name]
        raise AgentError(_reason(file, error)) from error
    return module


def _package(file: Path) -> str:
    """The package that a file is of, imported, so that it may import its neighbours by `from .`; "": none."""
    names: list[str] = []
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    if not names:
        return ""
    if str(folder) not in sys.path:
        sys.path.insert(1, str(folder))
    name = ".".join(names)
    try:
        package = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, too
        raise AgentError(_reason(file, error)) from error
    return name if str(file.parent) in getattr(package, "__path__", ()) else ""


def _reason(file: Path, error: BaseException) -> str:
    """Where it happened in what is run, and what."""
    text = f"{type(error).__name__}: {error}" if not isinstance(error, AgentError) else str(error)
    if isinstance(error, SyntaxError):
        return f"{error.filename or file}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename, file)]
    return f"{frames[-1].filename}, line {frames[-1].lineno}: {text}" if frames else f"{file}: {text}"


def _is_users(name: str, file: Path) -> bool:
    path = Path(name)
    return path == file or file.parent in path.parents


def _class_named(module: ModuleType, name: str, file: Path) -> type[Agent]:
    found = getattr(module, name, None)
    if found is None:
        others = ", ".join(cls.__name__ for cls in _classes(module))
        raise AgentError(f"{file}: there is no {name}; the agents there are: {others or 'none'}")
    if not isinstance(found, type) or not issubclass(found, Agent):
        raise AgentError(f"{file}: {name} is no agent: it has to be a class that derives from Agent")
    return found


def _only_class(module: ModuleType, file: Path) -> type[Agent]:
    classes = _classes(module)
    if not classes:
        raise AgentError(f"{file}: there is no class that derives from Agent")
    if len(classes) > 1:
        names = ", ".join(cls.__name__ for cls in classes)
        raise AgentError(f"{file}: there are several agents ({names}): name one, {file.name}:{classes[0].__name__}")
    return classes[0]


def _classes(module: ModuleType) -> list[type[Agent]]:
    """Those that the file itself defines, without those that others there derive from."""
    own = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Agent) and each.__module__ == module.__name__
    ]
    own = list(dict.fromkeys(own))
    return [cls for cls in own if not any(other is not cls and issubclass(other, cls) for other in own)]
