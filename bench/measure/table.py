"""The figures as a table, each the median of its rounds with the smallest and largest where rounds differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median_high as median  # which is one that was measured

from .goals import Rounds
from .load import Durations, Result

Row = tuple[str, str, Callable[[Result], float | None], str]


def _of(
    durations: Callable[[Result], Durations | None], name: str, scale: float = 1
) -> Callable[[Result], float | None]:
    def value(result: Result) -> float | None:
        found = durations(result)
        return None if found is None else getattr(found, name) / scale

    return value


def _of_workers(choose: Callable[[Sequence[int]], int], result: Result) -> float | None:
    return choose(result.worker_streams) if len(result.worker_streams) > 1 else None


ROWS: tuple[Row, ...] = (
    ("CPU, all of the product", "ms", lambda result: result.cpu_ms, "{:.2f}"),
    ("  engine workers", "ms", lambda result: result.engine_ms, "{:.2f}"),
    ("    of it in the kernel", "ms", lambda result: result.engine_system_ms, "{:.2f}"),
    ("  module, beyond the baseline", "ms", lambda result: result.module_ms, "{:.2f}"),
    ("    of it its own threads", "ms", lambda result: result.service_ms, "{:.3f}"),
    ("  supervisor", "ms", lambda result: result.supervisor_ms, "{:.3f}"),
    ("baseline: stand-in, no stream", "ms", lambda result: result.baseline_ms, "{:.2f}"),
    ("sink", "ms", lambda result: result.sink_ms, "{:.2f}"),
    ("READ, median", "us", _of(lambda result: result.read, "median"), "{:.2f}"),
    ("READ, 99.9 %", "us", _of(lambda result: result.read, "p999"), "{:.1f}"),
    ("READ, longest", "us", _of(lambda result: result.read, "longest"), "{:.0f}"),
    ("WRITE_REPLACE, median", "us", _of(lambda result: result.write_replace, "median"), "{:.2f}"),
    ("WRITE_REPLACE, 99.9 %", "us", _of(lambda result: result.write_replace, "p999"), "{:.1f}"),
    ("WRITE_REPLACE, longest", "us", _of(lambda result: result.write_replace, "longest"), "{:.0f}"),
    ("capture latency, median", "ms", _of(lambda result: result.capture_latency, "median", 1000), "{:.1f}"),
    ("capture latency, 99 %", "ms", _of(lambda result: result.capture_latency, "p99", 1000), "{:.1f}"),
    ("playback latency, median", "ms", _of(lambda result: result.playback_latency, "median", 1000), "{:.1f}"),
    ("playback latency, 99 %", "ms", _of(lambda result: result.playback_latency, "p99", 1000), "{:.1f}"),
    ("delivered to the sink, worst", "%", lambda result: 100 * result.delivered, "{:.3f}"),
    ("played to the caller, worst", "%", lambda result: 100 * result.played, "{:.3f}"),
    ("longest gap at the sink", "ms", lambda result: result.longest_gap_ms, "{:.0f}"),
    ("  the sink itself late, longest", "ms", lambda result: result.sink_late_ms, "{:.0f}"),
    ("frames dropped", "", lambda result: result.capture_dropped, "{:.0f}"),
    ("underruns", "", lambda result: result.underruns, "{:.0f}"),
    ("silent packets heard", "", lambda result: result.gaps, "{:.0f}"),
    ("faults", "", lambda result: result.faults, "{:.0f}"),
    ("connections lost", "", lambda result: result.lost_connections, "{:.0f}"),
    ("memory per call", "MB", lambda result: result.memory_mb, "{:.3f}"),
    ("  engine", "MB", lambda result: result.engine_mb, "{:.3f}"),
    ("  switch", "MB", lambda result: result.switch_mb, "{:.3f}"),
    ("RSS of the engine", "MB", lambda result: result.engine_rss_mb, "{:.0f}"),
    ("stand-in late, 99.9 %", "ms", _of(lambda result: result.late, "p999", 1000), "{:.1f}"),
    ("engine's ticks late, mean", "ms", lambda result: result.ticks_late_ms, "{:.2f}"),
    ("engine's ticks late, 99.9 %", "ms", lambda result: result.ticks_p999_ms, "<= {:.0f}"),
    ("engine's ticks over 20 ms late", "per mille", lambda result: result.ticks_over_20_ms, "{:.2f}"),
    ("streams of a worker, fewest", "", lambda result: _of_workers(min, result), "{:.0f}"),
    ("streams of a worker, most", "", lambda result: _of_workers(max, result), "{:.0f}"),
    ("noise: cores used by others", "", lambda result: result.others_cores, "{:.2f}"),
)


def cells(rounds: Rounds) -> tuple[list[str], list[list[str]]]:
    """Headings and lines."""
    heading = ["per call and second", *(load.label for load in rounds)]
    lines = [
        [f"{name} [{unit}]" if unit else name, *(_cell(results, value, form) for results in rounds.values())]
        for name, unit, value, form in ROWS
    ]
    return heading, lines


def _cell(results: Sequence[Result], value: Callable[[Result], float | None], form: str) -> str:
    return span_text([measured for measured in map(value, results) if measured is not None], form)


def span_text(values: Sequence[float], form: str) -> str:
    """The median, and the smallest and largest in brackets where they differ. `form` as of str.format."""
    if not values:
        return "-"
    middle, least, most = (form.format(number) for number in (median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least}-{most})"


def text_table(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in (heading, *lines)) for column in range(len(heading))]
    rows = []
    for line in (heading, *lines):
        first, *rest = (
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        rows.append("  ".join((first, *rest)))
    return "\n".join(rows)
