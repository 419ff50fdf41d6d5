"""The figures of a real FreeSWITCH as a page with pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median_high as median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .goals import CPU_RATIO, Verdict
from .page import failure_list, goal_table, machine_table, picture, section, table, write_page
from .switch_result import OURS, REFERENCE, SwitchResult
from .switch_table import Found, loads_of, paired, ratio_cells, switch_cells

_WIDTH = 0.35
_COLOURS = {OURS: ("tab:blue", "tab:cyan"), REFERENCE: ("tab:orange", "tab:olive")}
_INTRO = (
    "Medians of the rounds, with the smallest and the largest. CPU in ms per call and second: what the streams add to "
    "a FreeSWITCH with the same calls."
)


def write_switch_page(
    path: Path, machine: Mapping[str, str], found: Found, goals: Sequence[Verdict], failures: Sequence[str]
) -> None:
    heading, lines = ratio_cells(found)
    parts = [picture(_cpu(found))]
    if lines:
        parts += [picture(_ratio(found)), section("Ratios, round by round", table(heading, lines))]
    parts += [
        picture(_bars(found, "Memory", "MB per call", lambda result: result.memory_mb)),
        picture(
            _bars(found, "Longest gap between two messages of a stream", "ms", lambda result: result.longest_gap_ms)
        ),
        failure_list(failures),
        goal_table(goals) if goals else "",
        section("Figures", table(*switch_cells(found))),
        machine_table(machine),
    ]
    write_page(path, "Calls on FreeSWITCH", _INTRO, parts)


def _axes(found: Found, title: str, unit: str) -> tuple[Figure, Axes]:
    loads = loads_of(found)
    figure = Figure(figsize=(max(7.0, 1.6 * len(loads)), 4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.set_xticks(range(len(loads)), [load.label for load in loads], fontsize=8)
    axes.grid(axis="y", alpha=0.3)
    axes.margins(y=0.25)
    return figure, axes


def _bar(
    axes: Axes, found: Found, name: str, value: Callable[[SwitchResult], float], below: Sequence[float], label: str
) -> list[float]:
    """One candidate's bars upon those below, with a line from the smallest to the largest; gives their heights."""
    shift = _WIDTH * (-0.5 if name == OURS else 0.5)
    heights = []
    for place, load in enumerate(loads_of(found)):
        results = found.get((load, name), {}).values()
        heights.append(median(map(value, results)) if results else 0.0)
        if results:
            ends = [below[place] + value(result) for result in results]
            axes.vlines(place + shift, min(ends), max(ends), color="black", linewidth=1, zorder=3)
    places = [place + shift for place in range(len(heights))]
    colour = _COLOURS[name][1 if any(below) else 0]
    axes.bar(places, heights, _WIDTH, bottom=below, label=label, color=colour)
    return heights


def _names(found: Found) -> list[str]:
    return list(dict.fromkeys(name for _, name in found))


def _cpu(found: Found) -> Figure:
    figure, axes = _axes(found, "CPU that the streams add", "ms per call and second")
    for name in _names(found):
        nothing = [0.0] * len(loads_of(found))
        inside = _bar(axes, found, name, lambda result: result.added_ms, nothing, f"{name}, in FreeSWITCH")
        if any(
            result.engine_ms for (_, owner), results in found.items() if owner == name for result in results.values()
        ):
            _bar(axes, found, name, lambda result: result.engine_ms, inside, f"{name}, engine")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.legend(fontsize=8)
    return figure


def _bars(found: Found, title: str, unit: str, value: Callable[[SwitchResult], float]) -> Figure:
    figure, axes = _axes(found, title, unit)
    for name in _names(found):
        _bar(axes, found, name, value, [0.0] * len(loads_of(found)), name)
    axes.legend(fontsize=8)
    return figure


def _ratio(found: Found) -> Figure:
    figure, axes = _axes(found, f"CPU of {OURS} by that of the {REFERENCE}, each round", "ratio")
    for place, load in enumerate(loads_of(found)):
        ratios = paired(found, load, lambda result: result.cpu_ms)
        axes.plot([place] * len(ratios), ratios, "o", color="tab:blue", alpha=0.6)
    axes.axhline(CPU_RATIO, color="tab:red", linewidth=1, label="goal")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    return figure
