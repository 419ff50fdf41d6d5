"""The figures of a real FreeSWITCH as tables, and what they mean for the goals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median_high as median

from .goals import AUDIO_LOST_PER_MILLE, CPU_RATIO, MANY_CALLS, Verdict
from .load import Load
from .switch_result import OURS, REFERENCE, SwitchResult
from .table import span_text

Found = dict[tuple[Load, str], dict[int, SwitchResult]]
"""By load and candidate, then by the number of the round."""

ROWS: tuple[tuple[str, Callable[[SwitchResult], float], str], ...] = (
    ("CPU added by the streams [ms]", lambda result: result.cpu_ms, "{:.2f}"),
    ("  in FreeSWITCH [ms]", lambda result: result.added_ms, "{:.2f}"),
    ("  in the engine [ms]", lambda result: result.engine_ms, "{:.2f}"),
    ("FreeSWITCH without streams [ms]", lambda result: result.baseline_ms, "{:.2f}"),
    (
        "  after the streams, less before [ms]",
        lambda result: result.baseline_after_ms - result.baseline_before_ms,
        "{:+.2f}",
    ),
    ("memory per call [MB]", lambda result: result.memory_mb, "{:.3f}"),
    ("delivered to the sink, worst [%]", lambda result: 100 * result.delivered, "{:.2f}"),
    ("silent packets heard [per mille]", lambda result: result.silent_packets, "{:.2f}"),
    ("longest gap at the sink [ms]", lambda result: result.longest_gap_ms, "{:.0f}"),
    ("  the sink itself late, longest [ms]", lambda result: result.sink_late_ms, "{:.0f}"),
    ("sink [ms]", lambda result: result.sink_ms, "{:.2f}"),
    ("callers [ms]", lambda result: result.callers_ms, "{:.2f}"),
    ("  their packets late, 99.9 % [ms]", lambda result: result.callers_late_p999_ms, "{:.1f}"),
    ("  their packets late, longest [ms]", lambda result: result.callers_late_longest_ms, "{:.1f}"),
    ("noise: cores used by others", lambda result: result.others_cores, "{:.2f}"),
)
RATIOS: tuple[tuple[str, Callable[[SwitchResult], float]], ...] = (
    ("CPU", lambda result: result.cpu_ms),
    ("memory", lambda result: result.memory_mb),
)


def switch_cells(found: Found) -> tuple[list[str], list[list[str]]]:
    """Headings and lines: medians of the rounds, with the smallest and the largest."""
    heading = ["per call and second", *(f"{load.label}, {name}" for load, name in found)]
    lines = [
        [name, *(span_text([value(result) for result in results.values()], form) for results in found.values())]
        for name, value, form in ROWS
    ]
    return heading, lines


def loads_of(found: Found) -> list[Load]:
    return list(dict.fromkeys(load for load, _ in found))


def paired(found: Found, load: Load, value: Callable[[SwitchResult], float]) -> list[float]:
    """This module's figure by that of the reference, of each round in which both were measured."""
    ours: Mapping[int, SwitchResult] = found.get((load, OURS), {})
    theirs: Mapping[int, SwitchResult] = found.get((load, REFERENCE), {})
    return [value(ours[number]) / value(theirs[number]) for number in sorted(set(ours) & set(theirs))]


def ratio_cells(found: Found) -> tuple[list[str], list[list[str]]]:
    """Headings and lines; no line where there is no reference."""
    lines = []
    for load in loads_of(found):
        if paired(found, load, lambda result: result.cpu_ms):
            lines.append([load.label, *(span_text(paired(found, load, value), "{:.2f}") for _, value in RATIOS)])
    return [f"{OURS} by {REFERENCE}", *(name for name, _ in RATIOS)], lines


def switch_verdicts(found: Found) -> list[Verdict]:
    goals = []
    for load in loads_of(found):
        ratios = paired(found, load, lambda result: result.cpu_ms)
        if ratios:
            goals.append(Verdict(f"CPU by the reference's, {load.label}", median(ratios), CPU_RATIO, ""))
        ours = found.get((load, OURS), {})
        if ours and load.calls >= MANY_CALLS:
            worst = min(result.delivered for result in ours.values())
            lost = 1000 * (1 - worst)
            goals.append(Verdict(f"caller audio lost, {load.label}", lost, AUDIO_LOST_PER_MILLE, "per mille"))
    return goals
