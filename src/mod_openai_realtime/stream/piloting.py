"""What a stream has of whoever acts on it, beside its channel's commands and variables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..audio.agent_audio import MakeSounds
from ..pilot.observer import MakeObserver, MakePilot


@dataclass(frozen=True, slots=True)
class Piloting:
    """An application on the Event Socket hears of every stream, and needs none of it."""

    pilot: MakePilot | None = None
    """Who acts on the stream; None: nobody else."""
    observers: tuple[MakeObserver, ...] = ()
    session: dict[str, Any] | None = None
    """What the pilot asks of each session, the first among them, before any audio."""
    sounds: MakeSounds | None = None
    """Plays sounds of the pilot's own."""
    failure_prompt: Path | None = None
    """What the caller hears where no connection comes up in time."""
    failure: str | None = None
    """There will be no connection, for this reason: the prompt is all that is played."""
    keeps: Callable[[], dict[str, Any]] | None = None
    """What the pilot has kept beside the conversation."""


NOBODY = Piloting()
