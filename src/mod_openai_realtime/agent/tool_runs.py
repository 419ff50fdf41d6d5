"""One call of a tool: user code is run, and whatever becomes of it is an outcome."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any

from .actions import Run
from .call import Call
from .errors import CallError, ToolError
from .tools import Tool, written

logger = logging.getLogger(__name__)


class Running:
    """A tool that runs, as the methods of Call see it."""

    def __init__(self, call_id: str, spoke: int) -> None:
        self.call_id = call_id
        self.spoke = spoke
        """How often the caller had begun to speak when it was called."""
        self.ended_call = False
        self.waits = 0
        """So many methods of the call it waits for."""


RUNNING: ContextVar[Running | None] = ContextVar("running", default=None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`output`: what the model is told; `result`: the same as a value, None where it failed; `error`: why it did;
    `trouble`: a line for the log."""

    output: str
    result: Any = None
    error: str | None = None
    trouble: str = ""


async def run_tool(run: Run, tool: Tool | None, agent: object, call: Call) -> Outcome:
    """`tool` None: there is none of that name."""
    if tool is None:
        return _failed(f"There is no tool {run.name!r}.")
    try:
        function = tool.bind(agent, call, run.arguments)
    except ValueError as error:
        return _failed(f"The arguments don't fit: {error}")
    try:
        result = await function() if tool.is_async else await in_thread(function)
        output = written(result)
        return Outcome(output, result if isinstance(result, str) else json.loads(output))
    except ToolError as error:
        return _failed(str(error))
    except CallError as error:  # no fault of the code
        return _failed(f"The tool failed: {error}", f"tool {run.name} failed: {error}")
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # SystemExit, too, is only a tool's
        logger.exception("%s: tool %s failed", call.uuid, run.name)
        return _failed("The tool failed.", f"tool {run.name} failed: {type(error).__name__}: {error}")


def _failed(text: str, trouble: str = "") -> Outcome:
    return Outcome(json.dumps({"error": text}, ensure_ascii=False), None, text, trouble)


async def in_thread(function: Callable[[], Any]) -> Any:
    """In a thread of its own: a pool's could all be taken by another call's tools."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = copy_context()

    def tell(result: Any, error: BaseException | None) -> None:
        if not future.done():
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

    def run() -> None:
        try:
            outcome: tuple[Any, BaseException | None] = context.run(function), None
        except StopIteration as error:
            outcome = None, RuntimeError(f"StopIteration: {error}")
        except BaseException as error:  # SystemExit, too, is only a tool's
            outcome = None, error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, *outcome)

    threading.Thread(target=run, name="tool", daemon=True).start()
    return await future
