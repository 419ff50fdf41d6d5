"""What is measured on a real FreeSWITCH, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .load import Load

OURS, REFERENCE = "this module", "reference"
CHANNELS = ("park", "silence")
"""What a channel does besides: nothing, or the playback of silence. Extensions of the tests' dialplan."""


@dataclass(frozen=True)
class Candidate:
    """A build of the module. `engine`: whether it wants one."""

    name: str
    path: Path
    engine: bool = True


@dataclass(frozen=True)
class SwitchResult:
    """CPU in ms per call and second; memory in MB (2^20 bytes) per call."""

    load: Load
    candidate: str
    channel: str
    switch_ms: float
    """FreeSWITCH with a stream on each call ..."""
    baseline_before_ms: float
    """... and the same calls without, before the streams ..."""
    baseline_after_ms: float
    """... and after them."""
    engine_ms: float
    """All its processes."""
    sink_ms: float
    callers_ms: float
    """The process that sends and receives RTP."""
    callers_late_p999_ms: float
    """Of the packets that it sent."""
    callers_late_longest_ms: float
    others_cores: float
    """How many cores the rest of the machine used, with or without streams, whichever is more: the noise."""
    delivered: float
    """Caller audio at the sink by the time that passed; the worst stream."""
    longest_gap_ms: float
    """From one message of a stream to the next at the sink; of all streams."""
    sink_late_ms: float
    """The sink's own clock at worst: so much of a gap can be its own."""
    silent_packets: float
    """Of those that the callers should have got, in per mille."""
    memory_mb: float

    @property
    def baseline_ms(self) -> float:
        return (self.baseline_before_ms + self.baseline_after_ms) / 2

    @property
    def added_ms(self) -> float:
        """What the streams added in FreeSWITCH."""
        return self.switch_ms - self.baseline_ms

    @property
    def cpu_ms(self) -> float:
        """What the streams added."""
        return self.added_ms + self.engine_ms

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "baseline_ms": self.baseline_ms, "added_ms": self.added_ms, "cpu_ms": self.cpu_ms}
