"""The figures as a file of JSON and as a page with pictures."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import matplotlib
from matplotlib.figure import Figure

from .goals import Rounds, Verdict
from .load import Result
from .table import cells

matplotlib.use("Agg")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; }}
td, th {{ padding: .15em .8em; border-bottom: 1px solid #ddd; text-align: right; white-space: pre; }}
td:first-child, th:first-child {{ text-align: left; }}
.missed {{ color: #a00; }} img {{ max-width: 100%; }}
</style></head><body><h1>{title}</h1><p>{intro}</p>{body}</body></html>
"""


def write_json(path: Path, machine: Mapping[str, str], rounds: Rounds, goals: Sequence[Verdict]) -> None:
    document = {
        "machine": dict(machine),
        "rounds": [result.as_json() for results in rounds.values() for result in results],
        "goals": [{**asdict(goal), "ratio": goal.ratio, "reached": goal.reached} for goal in goals],
    }
    path.write_text(json.dumps(document, indent=1))


def write_page(path: Path, machine: Mapping[str, str], rounds: Rounds, goals: Sequence[Verdict]) -> None:
    heading, lines = cells(rounds)
    body = [
        _picture(_cpu(rounds)),
        _picture(_callbacks(rounds)),
        _picture(_latencies(rounds)),
        "<h2>Goals</h2>",
        _table(
            ["goal", "measured", "limit", "ratio"],
            [
                [goal.goal, f"{goal.measured:.3g} {goal.unit}", f"{goal.limit:g} {goal.unit}", f"{goal.ratio:.2f}"]
                for goal in goals
            ],
            [not goal.reached for goal in goals],
        ),
        "<h2>Figures</h2>",
        _table(heading, lines),
        "<h2>Machine</h2>",
        _table(["", ""], [[name, value] for name, value in machine.items()]),
    ]
    intro = "Medians of the rounds, with the smallest and the largest. CPU in ms per call and second."
    path.write_text(_PAGE.format(title="Calls", intro=intro, body="\n".join(body)))


def _table(heading: Sequence[str], lines: Sequence[Sequence[str]], missed: Sequence[bool] = ()) -> str:
    rows = ["<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in heading) + "</tr>"]
    for number, line in enumerate(lines):
        style = ' class="missed"' if number < len(missed) and missed[number] else ""
        rows.append(f"<tr{style}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>")
    return "<table>" + "".join(rows) + "</table>"


def _picture(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return f'<p><img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"></p>'


def _figure(title: str, unit: str, rounds: Rounds) -> tuple[Figure, matplotlib.axes.Axes]:
    figure = Figure(figsize=(max(7.0, 1.3 * len(rounds)), 4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.set_xticks(range(len(rounds)), [load.label for load in rounds], fontsize=8)
    axes.grid(axis="y", alpha=0.3)
    return figure, axes


def _middles(rounds: Rounds, value: Callable[[Result], float]) -> list[float]:
    return [median(map(value, results)) for results in rounds.values()]


def _cpu(rounds: Rounds) -> Figure:
    figure, axes = _figure("CPU of the product, and apart from it of the sink", "ms per call and second", rounds)
    parts: list[tuple[str, Callable[[Result], float]]] = [
        ("engine, user", lambda result: result.engine_ms - result.engine_system_ms),
        ("engine, kernel", lambda result: result.engine_system_ms),
        ("module", lambda result: result.module_ms),
    ]
    places = range(len(rounds))
    below = [0.0] * len(rounds)
    for name, value in parts:
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
