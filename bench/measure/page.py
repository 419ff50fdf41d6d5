"""Results as a file of JSON and as a page: tables, and pictures inside it."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from .goals import Verdict

matplotlib.use("Agg")

GOAL_HEADING = ("goal", "measured", "limit", "ratio")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; }}
td, th {{ padding: .15em .8em; border-bottom: 1px solid #ddd; text-align: right; white-space: pre; }}
td:first-child, th:first-child {{ text-align: left; }}
.missed {{ color: #a00; }} img {{ max-width: 100%; }}
</style></head><body><h1>{title}</h1><p>{intro}</p>{body}</body></html>
"""


def write_json(
    path: Path,
    machine: Mapping[str, str],
    rounds: Sequence[Mapping[str, Any]],
    goals: Sequence[Verdict],
    failures: Sequence[str],
    **more: Any,
) -> None:
    document = {
        "machine": dict(machine),
        "rounds": rounds,
        "goals": [{**asdict(goal), "ratio": goal.ratio, "reached": goal.reached} for goal in goals],
        "failures": failures,
        **more,
    }
    path.write_text(json.dumps(document, indent=1))


def write_page(path: Path, title: str, intro: str, parts: Sequence[str]) -> None:
    path.write_text(_PAGE.format(title=html.escape(title), intro=html.escape(intro), body="\n".join(parts)))


def goal_lines(goals: Sequence[Verdict]) -> list[list[str]]:
    """For a table below GOAL_HEADING."""
    return [
        [goal.goal, f"{goal.measured:.3g} {goal.unit}", f"{goal.limit:g} {goal.unit}", f"{goal.ratio:.2f}"]
        for goal in goals
    ]


def goal_table(goals: Sequence[Verdict]) -> str:
    return section("Goals", table(GOAL_HEADING, goal_lines(goals), [not goal.reached for goal in goals]))


def failure_list(failures: Sequence[str]) -> str:
    """Nothing where nothing failed."""
    if not failures:
        return ""
    items = "".join(f'<li class="missed">{html.escape(failure)}</li>' for failure in failures)
    return section("Rounds that failed", f"<ul>{items}</ul>")


def machine_table(machine: Mapping[str, str]) -> str:
    return section("Machine", table(("", ""), list(machine.items())))


def section(title: str, content: str) -> str:
    return f"<h2>{html.escape(title)}</h2>{content}"


def table(heading: Sequence[str], lines: Sequence[Sequence[str]], missed: Sequence[bool] = ()) -> str:
    rows = ["<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in heading) + "</tr>"]
    for number, line in enumerate(lines):
        style = ' class="missed"' if number < len(missed) and missed[number] else ""
        rows.append(f"<tr{style}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>")
    return "<table>" + "".join(rows) + "</table>"


def picture(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return f'<p><img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"></p>'
