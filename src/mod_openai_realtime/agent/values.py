"""What an agent is told of its call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal

State = Literal["starting", "talking", "held", "ending", "ended"]
Who = Literal["caller", "agent", "tool"]
EndReason = Literal["hang_up", "caller", "transferred", "handed_over", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the caller heard of something that was said or played."""

    text: str
    """As far as it was heard, to whole words; empty for own audio."""
    ms: int
    """Milliseconds that the channel really sent."""
    interrupted: bool
    """It was cut short, or never said: the caller spoke, the connection was lost, the call ended."""


@dataclass(slots=True)
class Turn:
    """One side's turn, or a tool's call."""

    who: Who
    text: str
    """What the caller said, by the transcript; of the agent what was heard; of a tool what the model was told."""
    at: datetime
    """When it began; aware, UTC."""
    heard_ms: int | None = None
    """Of the agent: what the channel really sent."""
    interrupted: bool = False
    latency_ms: dict[str, int | None] = field(default_factory=dict)
    """Of the agent, as in the event `turn`; a step is None where it did not take place."""
    item_id: str | None = None
    """The conversation's item; of the agent the first."""
    response_id: str | None = None
    name: str | None = None
    """Of a tool."""
    arguments: dict[str, Any] | None = None
    """Of a tool, as the model gave them; None where they were no JSON object."""
    result: Any = None
    """Of a tool: what it gave back, as the model was told it: text or JSON. None where it failed."""
    error: str | None = None
    """Of a tool that failed: what the model was told."""


class Consult(Enum):
    """What came of a consultation."""

    connected = "connected"
    """The other party agreed; caller and it talk to each other."""
    declined = "declined"
    no_answer = "no_answer"
    """Nobody answered in time, or the line was busy, or can't be reached."""
    hung_up = "hung_up"
    """The other party hung up before it agreed."""
