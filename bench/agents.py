"""What an agent adds to a call, and what other calls feel of one. See README.md beside this file."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from measure.agent_round import Added, AgentRound, Idle, Killed, Span
from measure.results import keep_results
from measure.table import text_table

HERE = Path(__file__).resolve().parent

FELT: tuple[tuple[str, Callable[[Span], str]], ...] = (
    ("longest gap at the server [ms]", lambda span: f"{span.longest_gap_ms:.0f}"),
    ("  the server itself late, longest [ms]", lambda span: f"{span.sink_late_ms:.0f}"),
    ("ticks over 20 ms late", lambda span: str(span.ticks_over_20_ms)),
    ("latest tick, no later than [ms]", lambda span: f"{span.latest_tick_ms:.0f}"),
    ("ticks missed", lambda span: str(span.ticks_missed)),
    ("silent packets heard", lambda span: str(span.silent_packets)),
    ("underruns", lambda span: str(span.underruns)),
    ("callers' frames dropped", lambda span: str(span.dropped)),
)


def felt(calls: int, seconds: float) -> dict[str, Span]:
    with AgentRound(calls, talks=True) as calling:
        return {
            "no agent computes": calling.feel(seconds),
            "one does, in an async tool": calling.feel(seconds, "compute"),
            "one does, in a plain tool": calling.feel(seconds, "compute_in_a_thread"),
            "none again": calling.feel(seconds),
        }


def cost(calls: int, seconds: float, tools: int) -> tuple[Idle, Added, Killed]:
    with AgentRound(calls, talks=False) as calling:
        return calling.idle(seconds), calling.added(tools), calling.kill_host()


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option("--calls", default=60, type=click.IntRange(1), help="Of agents, in one worker and one host.")
@click.option("--compute", "compute_s", default=5.0, type=click.FloatRange(1), help="Seconds that an agent computes.")
@click.option("--idle", "idle_s", default=10.0, type=click.FloatRange(1), help="Seconds for which calls are idle.")
@click.option("--tools", default=500, type=click.IntRange(1), help="So many are called, for what an agent adds.")
@click.option("--out", default=HERE / "out", type=click.Path(path_type=Path), show_default=False)
def main(calls: int, compute_s: float, idle_s: float, tools: int, out: Path) -> None:
    """Measure what agents add to calls in latency, CPU and memory, and what others feel of one that computes."""
    spans = _in_own_process(felt, calls, compute_s)
    idle, added, killed = _in_own_process(cost, calls, idle_s, tools)
    click.echo(text_table(["", *spans], [[name, *map(value, spans.values())] for name, value in FELT]))
    click.echo("\n" + text_table(["", ""], _costs(idle, added, killed)))
    found = {"felt": {name: asdict(span) for name, span in spans.items()}}
    found |= {"idle": asdict(idle), "added": asdict(added), "killed": asdict(killed)}
    keep_results(out, "agents", calls=calls, **found)


def _in_own_process(run: Callable[..., Any], *args: object) -> Any:
    """A switch is once in a process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as own:
        return own.submit(run, *args).result()


def _costs(idle: Idle, added: Added, killed: Killed) -> list[list[str]]:
    return [
        ["server's message to tool, median / 99 % / longest [ms]", _cell(added.to_tool_ms)],
        ["tool's result to wire, median / 99 % / longest [ms]", _cell(added.to_wire_ms)],
        ["idle, host [ms of CPU per call and second]", f"{idle.host_cpu_ms:.4f}"],
        ["idle, worker [ms of CPU per call and second]", f"{idle.worker_cpu_ms:.3f}"],
        ["memory in the host [kB per call]", f"{idle.host_mb * 1024:.0f}"],
        ["memory in the worker [kB per call]", f"{idle.worker_mb * 1024:.0f}"],
        ["kill -9 of the host to on_connect, first / last call [s]", f"{killed.first_s:.2f} / {killed.last_s:.2f}"],
        ["calls not taken up", str(killed.lost)],
    ]


def _cell(values: list[float]) -> str:
    return " / ".join(f"{float(np.percentile(values, percent)):.2f}" for percent in (50, 99, 100))


if __name__ == "__main__":
    main()
