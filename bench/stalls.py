"""What callers hear of an event loop that stalls, and of audio that comes unevenly. See README.md beside this file."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import click
from measure.results import keep_results
from measure.stall_round import Missed, StallResult, Stalls, run_stall_round
from measure.table import text_table
from measure.uneven_sink import PATTERNS

HERE = Path(__file__).resolve().parent

OF_PATTERN: tuple[tuple[str, Callable[[Missed], str]], ...] = (
    ("underruns", lambda missed: str(missed.underruns)),
    ("underruns [ms]", lambda missed: f"{missed.underrun_ms:.0f}"),
    ("calls with underruns", lambda missed: f"{missed.calls_with_underruns} of {missed.calls}"),
    ("played, worst [%]", lambda missed: f"{100 * missed.played:.3f}"),
    ("caller's frames dropped", lambda missed: str(missed.capture_dropped)),
    ("faults", lambda missed: str(missed.faults)),
)
OF_ROUND: tuple[tuple[str, Callable[[StallResult], str]], ...] = (
    ("halts", lambda result: str(result.halts)),
    ("longest halt [ms]", lambda result: f"{result.longest_halt_ms:.0f}"),
    ("ticks missed", lambda result: str(result.ticks_missed)),
    ("ticks over 20 ms late", lambda result: str(result.ticks_over_20_ms)),
    ("stand-in late, 99.9 % [ms]", lambda result: f"{result.steps_late_ms:.1f}"),
    ("engine worker [cores]", lambda result: f"{result.engine_cores:.2f}"),
    ("busy, all of the machine [cores]", lambda result: f"{result.busy_cores:.2f}"),
)


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option("--calls", default=150, type=click.IntRange(len(PATTERNS)), help="In one worker.")
@click.option("--stall-ms", default="0,100", help="How long the worker is halted; several are measured in turn.")
@click.option("--every", "every_s", default=1.0, type=click.FloatRange(0.2), help="Seconds from halt to halt.")
@click.option("--seconds", default=20.0, type=click.FloatRange(1), help="Length of a round, after the warm-up.")
@click.option("--warm-up", "warm_up_s", default=4.0, type=click.FloatRange(1))
@click.option("--out", default=HERE / "out", type=click.Path(path_type=Path), show_default=False)
def main(calls: int, stall_ms: str, every_s: float, seconds: float, warm_up_s: float, out: Path) -> None:
    """Halt the engine's worker over and over, and count what its callers miss."""
    context = multiprocessing.get_context("spawn")
    results = []
    for duration in map(int, stall_ms.split(",")):
        # A switch is once in a process.
        with ProcessPoolExecutor(1, mp_context=context) as own_process:
            stalls = Stalls(calls, duration, every_s, seconds, warm_up_s)
            results.append(own_process.submit(run_stall_round, stalls).result())
    report(results, out)


def report(results: list[StallResult], out: Path) -> None:
    lines = [
        [f"{pattern}: {name}", *(value(result.missed[pattern]) for result in results)]
        for pattern in PATTERNS
        for name, value in OF_PATTERN
    ]
    lines += [[name, *map(value, results)] for name, value in OF_ROUND]
    click.echo(text_table(["", *(f"halts of {result.stalls.stall_ms} ms" for result in results)], lines))
    keep_results(out, "stalls", rounds=[asdict(result) for result in results])


if __name__ == "__main__":
    main()
