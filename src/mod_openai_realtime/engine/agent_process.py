"""What runs in an agent host's process: tells the supervisor that the agents' code is loaded, or why it is not."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from .agent_hosts import LOAD_FAILED, Loaded, NotLoaded

logger = logging.getLogger(__name__)


def run_agent_host(
    pipe: Connection,
    *,
    sockets: tuple[Path, ...],
    specifications: tuple[str, ...],
    generation: int,
    blocked: Callable[[float], None],
) -> None:
    """The main function; see HostMain."""
    # Only here: the other processes of the engine have no use for what comes with it.
    from ..agent.errors import AgentError
    from ..agent.host import run_host
    from ..agent.loading import load

    try:
        agents = load(specifications)
    except AgentError as error:
        pipe.send(NotLoaded(str(error)))
        sys.exit(LOAD_FAILED)
    folders = {agent.file.parent for agent in agents.values()}
    pipe.send(Loaded(tuple(agents), _files_in(folders)))
    pipe.close()
    run_host(specifications, sockets, generation=generation, users=frozenset({os.getuid()}), blocked=blocked)


def _files_in(folders: set[Path]) -> tuple[str, ...]:
    """The files of modules that lie in these folders, or beneath."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return tuple(file for file in files if file and any(folder in Path(file).parents for folder in folders))
