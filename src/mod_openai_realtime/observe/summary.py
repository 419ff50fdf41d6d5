"""What a stream has done, told once when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from .usage import Usage

MAX_LATENCIES = 4096  # the newest: a day of talk has fewer


class Summary:
    """Grows with the stream. Times, handed in, are CLOCK_MONOTONIC in ns."""

    def __init__(self, usage: Usage, started_ns: int, underruns: int) -> None:
        """`underruns`: those that there have been before, under another engine."""
        self.usage = usage
        self.connections = 0
        self.error: str | None = None
        """The last one, of a connection or of the server, in a few words."""
        self._turns = 0
        self._latencies_ms: list[int] = []
        self._started_ns = self._ended_ns = started_ns
        self._underruns_before = underruns
        self._reason = ""
        self._interruptions = 0

    def turn(self, latency_ms: int | None) -> None:
        """An answer is over; `latency_ms` from the end of the caller's speech to its first sample, None where it
        answered none."""
        self._turns += 1
        if latency_ms is not None:
            self._latencies_ms.append(latency_ms)
            del self._latencies_ms[:-MAX_LATENCIES]

    def end(self, reason: str, now_ns: int, interruptions: int) -> None:
        """The stream ends now; some of its audio may still be counted."""
        self._reason = reason
        self._ended_ns = now_ns
        self._interruptions = interruptions

    def report(self, *, sent_ms: int, heard_ms: int, underruns: int) -> dict[str, Any]:
        """The body of the `summary` event; `underruns`: all that there have been."""
        ordered = sorted(self._latencies_ms)
        return {
            "reason": self._reason,
            "duration_ms": (self._ended_ns - self._started_ns) // 1_000_000,
            "connections": self.connections,
            "sent_ms": sent_ms,
            "heard_ms": heard_ms,
            "turns": self._turns,
            "interruptions": self._interruptions,
            "latency_ms": {"median": round(median(ordered)) if ordered else None, "p95": _percentile(ordered, 95)},
            "underruns": underruns - self._underruns_before,
            "usage": self.usage.report(),
            "error": self.error,
        }


def _percentile(ordered: Sequence[int], percent: int) -> int | None:
    """By nearest rank: a value that has been measured. None of none."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None
