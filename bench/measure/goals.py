"""The project's goals as ratios: what was measured by what was aimed at. 1.00 and less is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from .load import Load, Result

Rounds = Mapping[Load, Sequence[Result]]

CPU_PLAIN_MS = 1.0
CPU_TLS_MS = 1.35
CALLBACK_MEDIAN_US = 2.0
CALLBACK_P999_US = 20.0
MEMORY_MB = 0.25
DEFLATE_MS = 0.8
MANY_CALLS = 300


@dataclass(frozen=True)
class Verdict:
    goal: str
    measured: float
    limit: float
    unit: str

    @property
    def ratio(self) -> float:
        return self.measured / self.limit

    @property
    def reached(self) -> bool:
        return self.measured <= self.limit


def verdicts(rounds: Rounds) -> list[Verdict]:
    """Of the loads that were measured; medians over their rounds, but for losses, where every round counts."""
    found: list[Verdict] = []
    for load, results in rounds.items():

        def middle(value: Callable[[Result], float], results: Sequence[Result] = results) -> float:
            return median(map(value, results))

        if not load.deflate:
            limit = CPU_TLS_MS if load.tls else CPU_PLAIN_MS
            found.append(Verdict(f"CPU, {load.label}", middle(lambda result: result.cpu_ms), limit, "ms"))
        else:
            without = rounds.get(replace(load, deflate=False))
            if without:
                extra = middle(lambda result: result.cpu_ms) - median(result.cpu_ms for result in without)
                found.append(Verdict(f"deflate on top, {load.label}", extra, DEFLATE_MS, "ms"))
        found += [
            Verdict(f"READ median, {load.label}", middle(lambda result: result.read.median), CALLBACK_MEDIAN_US, "us"),
            Verdict(f"READ 99.9 %, {load.label}", middle(lambda result: result.read.p999), CALLBACK_P999_US, "us"),
            Verdict(
                f"WRITE_REPLACE median, {load.label}",
                middle(lambda result: result.write_replace.median),
                CALLBACK_MEDIAN_US,
                "us",
            ),
            Verdict(
                f"WRITE_REPLACE 99.9 %, {load.label}",
                middle(lambda result: result.write_replace.p999),
                CALLBACK_P999_US,
                "us",
            ),
            Verdict(f"memory, {load.label}", middle(lambda result: result.memory_mb), MEMORY_MB, "MB"),
        ]
        if load.calls >= MANY_CALLS:
            worst = min(min(result.delivered, result.played) for result in results)
            found.append(Verdict(f"audio lost, {load.label}", (1 - worst) * 1000, 1.0, "per mille"))
    return found
