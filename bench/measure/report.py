"""The figures of calls.py as a page with pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median_high as median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .goals import FEW_CALLS, Rounds, Verdict
from .load import Load, Result
from .page import failure_list, goal_table, machine_table, picture, section, table, write_page
from .table import cells

_INTRO = "Medians of the rounds, with the smallest and the largest. CPU in ms per call and second."
_PARTS: tuple[tuple[str, Callable[[Result], float]], ...] = (
    ("engine, user", lambda result: result.engine_ms + result.supervisor_ms - result.engine_system_ms),
    ("engine, kernel", lambda result: result.engine_system_ms),
    ("module", lambda result: result.module_ms),
)


def write_calls_page(
    path: Path, machine: Mapping[str, str], rounds: Rounds, goals: Sequence[Verdict], failures: Sequence[str]
) -> None:
    parts = [
        picture(_cpu_by_calls(rounds)),
        picture(_cpu(rounds)),
        picture(_callbacks(rounds)),
        picture(_latencies(rounds)),
        failure_list(failures),
        goal_table(goals),
        section("Figures", table(*cells(rounds))),
        machine_table(machine),
    ]
    write_page(path, "Calls", _INTRO, parts)


def _figure(title: str, unit: str, rounds: Rounds) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(max(7.0, 1.3 * len(rounds)), 4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.set_xticks(range(len(rounds)), [load.label for load in rounds], fontsize=8)
    axes.grid(axis="y", alpha=0.3)
    return figure, axes


def _middles(rounds: Rounds, value: Callable[[Result], float]) -> list[float]:
    return [median(map(value, results)) for results in rounds.values()]


def _cpu_by_calls(rounds: Rounds) -> Figure:
    """Beside each other for each kind of stream: whether a call costs the same however many there are."""
    kinds = list(dict.fromkeys(load.kind for load in rounds))
    figure = Figure(figsize=(5 * max(1.5, len(kinds)), 4), layout="constrained")
    figure.suptitle(f"CPU of the product by the number of calls (below {FEW_CALLS} it may leave the picture)")
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        _draw_by_calls(axes, {load: rounds[load] for load in rounds if load.kind == kind})
        axes.set_title(kind, fontsize=9)
    # One call bears all that an engine costs by itself: scaled to it, the others could not be told apart.
    scaled = [load for load in rounds if load.calls >= FEW_CALLS] or list(rounds)
    most = max(result.cpu_ms for load in scaled for result in rounds[load])
    panels[0].set_ylim(min(0.0, panels[0].get_ylim()[0]), 1.3 * most)
    panels[0].set_ylabel("ms per call and second")
    panels[0].legend(fontsize=8)
    return figure


def _draw_by_calls(axes: Axes, rounds: Rounds) -> None:
    loads = sorted(rounds, key=_calls)
    numbers = list(map(_calls, loads))
    lines = [("all", lambda result: result.cpu_ms), *_PARTS]
    for name, value in lines:
        middles = [median(map(value, rounds[load])) for load in loads]
        least = [min(map(value, rounds[load])) for load in loads]
        most = [max(map(value, rounds[load])) for load in loads]
        (line,) = axes.plot(numbers, middles, "o-", markersize=4, label=name)
        axes.vlines(numbers, least, most, color=line.get_color(), linewidth=1)
    axes.set_xlabel("calls")
    axes.set_xticks(numbers)
    axes.grid(alpha=0.3)


def _calls(load: Load) -> int:
    return load.calls


def _cpu(rounds: Rounds) -> Figure:
    figure, axes = _figure("CPU of the product, and apart from it of the sink", "ms per call and second", rounds)
    places = range(len(rounds))
    below = [0.0] * len(rounds)
    for name, value in _PARTS:
        heights = _middles(rounds, value)
        axes.bar(places, heights, 0.5, bottom=below, label=name)
        below = [a + b for a, b in zip(below, heights, strict=True)]
    for place, results in enumerate(rounds.values()):
        every = [result.cpu_ms for result in results]
        axes.vlines(place, min(every), max(every), color="black", linewidth=1)
    axes.plot(places, _middles(rounds, lambda result: result.sink_ms), "k_", markersize=18, label="sink")
    axes.legend(fontsize=8)
    return figure


def _callbacks(rounds: Rounds) -> Figure:
    figure, axes = _figure("Media callbacks: median, 99.9th percentile, longest", "us", rounds)
    axes.set_yscale("log")
    places = range(len(rounds))
    for name, colour in (("read", "tab:blue"), ("write_replace", "tab:orange")):
        for number, mark in (("median", "o"), ("p999", "^"), ("longest", "x")):
            heights = [
                median(getattr(getattr(result, name), number) for result in results) for results in rounds.values()
            ]
            label = {"read": "READ", "write_replace": "WRITE_REPLACE"}[name] if number == "median" else None
            axes.plot(places, heights, mark, color=colour, label=label)
    axes.legend(fontsize=8)
    return figure


def _latencies(rounds: Rounds) -> Figure:
    figure, axes = _figure("Latency through module and engine: median and 99th percentile", "ms", rounds)
    for name, shift in (("capture_latency", -0.15), ("playback_latency", 0.15)):
        places, middles, rest = [], [], []
        for place, results in enumerate(rounds.values()):
            found = [each for each in (getattr(result, name) for result in results) if each is not None]
            if found:
                places.append(place + shift)
                middles.append(median(each.median for each in found) / 1000)
                rest.append(max(0.0, median(each.p99 for each in found) / 1000 - middles[-1]))
        axes.bar(places, middles, 0.3, yerr=([0] * len(rest), rest), label=name.replace("_", " "))
    axes.legend(fontsize=8)
    return figure
