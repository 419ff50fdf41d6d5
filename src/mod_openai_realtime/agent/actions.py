"""What the coordinator is told of a tool, and what it wants done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FILLER_S = 1.5  # a tool that takes longer wants something said


@dataclass(frozen=True, slots=True)
class Rules:
    """Of a tool. `filler`: something is said where it takes longer than FILLER_S."""

    timeout_s: float
    reply: bool = True
    filler: bool = False


# -- actions


@dataclass(frozen=True, slots=True)
class Run:
    """A tool is to be run; result() answers."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Stop:
    """It took too long: it has been answered already."""

    call_id: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Filler:
    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Send:
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Began:
    """The response that `token` asked for."""

    token: str
    response_id: str


@dataclass(frozen=True, slots=True)
class Over:
    """No more comes of what `token` asked for. `status`: the response's; `lost` with the connection; `refused`."""

    token: str
    response_id: str | None
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something the log should tell."""

    text: str


Action = Run | Stop | Filler | Send | Began | Over | Trouble
