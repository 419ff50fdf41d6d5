"""What is measured, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Load:
    """`calls` streams of one kind for `seconds`. Rates in Hz; `rate` is that of the messages, both ways."""

    calls: int
    tls: bool
    deflate: bool = False
    seconds: float = 20.0
    warm_up_s: float = 4.0
    baseline_s: float = 5.0
    workers: int = 1
    media_threads: int = 2
    message_ms: int = 20
    delta_ms: int = 200
    channel_rate: int = 8000
    rate: int = 24000
    audio_files: bool = False
    probe: bool = True

    @property
    def kind(self) -> str:
        return ("TLS" if self.tls else "plain") + (" + deflate" if self.deflate else "")

    @property
    def label(self) -> str:
        return f"{self.calls} {self.kind}"

    @property
    def start(self) -> str:
        """The arguments of `start` after the URI."""
        return f"mono {self.rate} {self.rate}"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "STREAM_MESSAGE_DEFLATE": "false" if self.deflate else "true",
            "STREAM_DISABLE_AUDIOFILES": "false" if self.audio_files else "true",
            "STREAM_BUFFER_SIZE": str(self.message_ms),
        }


@dataclass(frozen=True)
class Durations:
    """Of many measurements, in microseconds."""

    count: int
    median: float
    p99: float
    p999: float
    longest: float


@dataclass
class Result:
    """One round. CPU in ms per call and second; memory in MB (2^20 bytes) per call."""

    load: Load
    engine_ms: float
    engine_system_ms: float
    """Of engine_ms, in the kernel."""
    module_ms: float
    """Media threads beyond the baseline, and the threads of its own."""
    media_threads_ms: float
    baseline_ms: float
    """The media threads of the stand-in with the same calls and no stream."""
    callbacks_ms: float
    """Time inside the module's callbacks: wall time, so that what interrupted them is in it."""
    service_ms: float
    """Of module_ms, the threads that the module itself has in the switch."""
    supervisor_ms: float
    sink_ms: float
    others_cores: float
    """How many cores the rest of the machine used meanwhile: the noise."""
    read: Durations
    write_replace: Durations
    late: Durations
    """Of the stand-in's media threads: steps after their time."""
    ticks_late_ms: float
    """Of the engine's media clock, on average."""
    ticks_over_20_ms: float
    """Of its ticks, in per mille."""
    ticks_p999_ms: float
    """Of the lateness of its ticks no less than the 99.9th percentile: the upper bound of a bucket."""
    ticks_missed: int
    worker_streams: list[int]
    """How many streams each worker had at the end."""
    capture_latency: Durations | None
    playback_latency: Durations | None
    delivered: float
    """Caller audio at the sink by what was handed over; the worst stream."""
    played: float
    """Agent audio that the channel sent by the time that passed; the worst stream."""
    longest_gap_ms: float
    """From one message of a stream to the next at the sink; of all streams but the probe."""
    sink_late_ms: float
    """The sink's own clock at worst: so much of a gap can be its own."""
    capture_dropped: int
    underruns: int
    underrun_ms: float
    faults: int
    gaps: int
    """Silent packets in what some of the calls sent."""
    lost_connections: int
    engine_mb: float
    switch_mb: float
    engine_rss_mb: float
    """Of the whole engine with all its calls: supervisor and workers."""
    messages: list[str] = field(default_factory=list)
    """Warnings that the module logged."""

    @property
    def cpu_ms(self) -> float:
        """What the product costs: module and engine."""
        return self.engine_ms + self.module_ms + self.supervisor_ms

    @property
    def memory_mb(self) -> float:
        return self.engine_mb + self.switch_mb

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "cpu_ms": self.cpu_ms, "memory_mb": self.memory_mb}
