"""Tool calls, and the responses that lead to them and follow upon them: what the coordinator keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .actions import Rules


@dataclass(slots=True, eq=False)
class ToolCall:
    id: str
    name: str
    arguments: str
    batch: Batch
    rules: Rules
    started: float
    suspended: float | None = None
    filler_due: bool = False
    output: str | None = None
    sent: int | None = None
    """When, in the order of things; None: not, or to a session that is gone."""
    acknowledged: int | None = None
    paired: bool = False
    """The session does not know the call: it is told of it together with the output."""

    @property
    def deadline(self) -> float:
        return self.started + self.rules.timeout_s


@dataclass(slots=True, eq=False)
class Batch:
    response_id: str
    calls: list[ToolCall] = field(default_factory=list)
    closed: bool = False
    """Its response is over: no more calls will come."""
    follow: bool = False
    ready: int | None = None
    answered: bool = False
    """A response that the server made by itself knew all outputs."""
    answer: Response | None = None
    """It may have known all outputs; it is over."""
    doubt_until: float = 0.0

    def is_ready(self) -> bool:
        return self.closed and all(call.sent is not None for call in self.calls)

    def is_known_to(self, response: Response) -> bool | None:
        """Whether a response was made after all outputs. None: the server has not acknowledged them, or not yet."""
        if any(call.sent is None or call.sent > response.created for call in self.calls) or not self.closed:
            return False
        if any(call.acknowledged is not None and call.acknowledged > response.created for call in self.calls):
            return False
        return True if all(call.acknowledged is not None for call in self.calls) else None


@dataclass(slots=True, eq=False)
class Request:
    order: int
    token: str
    response: dict[str, Any] | None
    """As response.create has it; None: without."""
    batches: list[Batch] = field(default_factory=list)
    """It follows these; none: it is an extra."""
    covers: bool = True
    attempts: int = 0


@dataclass(slots=True, eq=False)
class Response:
    id: str
    created: int
    request: Request | None
    heard_of: float


@dataclass(slots=True, eq=False)
class Create:
    request: Request
    event_id: str
    deadline: float
    candidate: Response | None = None
    """Of a server that gives no metadata back it may be the response that was asked for."""
    candidate_status: str = ""
    """Not empty: it is over."""
