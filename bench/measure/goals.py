"""The project's goals as ratios: what was measured by what was aimed at. 1.00 and less is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_high as median

from .load import Load, Result

Rounds = Mapping[Load, Sequence[Result]]

CPU_PLAIN_MS = 1.0
CPU_TLS_MS = 1.35
CALLBACK_MEDIAN_US = 2.0
CALLBACK_P999_US = 20.0
MEMORY_MB = 0.25
DEFLATE_MS = 0.8
AUDIO_LOST_PER_MILLE = 1.0
MANY_CALLS = 300  # audio lost counts from here on
FEW_CALLS = 20  # fewer tell what an engine costs however many it has, and have no goal
CPU_RATIO = 0.4  # by that of the C++ module, on the same FreeSWITCH with the same calls


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
        if load.calls < FEW_CALLS:
            continue
        found += _cpu(rounds, load)
        found += [
            _middle("READ median", load, results, lambda result: result.read.median, CALLBACK_MEDIAN_US, "us"),
            _middle("READ 99.9 %", load, results, lambda result: result.read.p999, CALLBACK_P999_US, "us"),
            _middle(
                "WRITE_REPLACE median",
                load,
                results,
                lambda result: result.write_replace.median,
                CALLBACK_MEDIAN_US,
                "us",
            ),
            _middle(
                "WRITE_REPLACE 99.9 %", load, results, lambda result: result.write_replace.p999, CALLBACK_P999_US, "us"
            ),
            _middle("memory", load, results, lambda result: result.memory_mb, MEMORY_MB, "MB"),
        ]
        if load.calls >= MANY_CALLS:
            worst = min(min(result.delivered, result.played) for result in results)
            found.append(Verdict(f"audio lost, {load.label}", (1 - worst) * 1000, AUDIO_LOST_PER_MILLE, "per mille"))
    return found


def _cpu(rounds: Rounds, load: Load) -> list[Verdict]:
    """With deflate, what that adds; nothing where it was not measured without."""
    if not load.deflate:
        limit = CPU_TLS_MS if load.tls else CPU_PLAIN_MS
        return [_middle("CPU", load, rounds[load], lambda result: result.cpu_ms, limit, "ms")]
    without = rounds.get(replace(load, deflate=False))
    if not without:
        return []
    extra = median(result.cpu_ms for result in rounds[load]) - median(result.cpu_ms for result in without)
    return [Verdict(f"deflate on top, {load.label}", extra, DEFLATE_MS, "ms")]


def _middle(
    name: str, load: Load, results: Sequence[Result], value: Callable[[Result], float], limit: float, unit: str
) -> Verdict:
    return Verdict(f"{name}, {load.label}", median(map(value, results)), limit, unit)
