"""What good calls and their commands feel of a flood on the same worker. See README.md beside this file."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import click
from measure.flood_round import COMMANDS, FLOODS, HANDSHAKES, FloodResult, run_flood_round
from measure.results import keep_results
from measure.table import text_table

HERE = Path(__file__).resolve().parent
ALL = ",".join([*FLOODS, *HANDSHAKES, *COMMANDS])

COLUMNS: tuple[tuple[str, Callable[[FloodResult], str]], ...] = (
    ("flood", lambda result: result.flood),
    ("frames", lambda result: str(result.frames)),
    ("underruns", lambda result: str(result.underruns)),
    ("underruns [ms]", lambda result: f"{result.underrun_ms:.0f}"),
    ("caller's dropped", lambda result: str(result.capture_dropped)),
    ("command, median [ms]", lambda result: f"{result.command_median_ms:.1f}"),
    ("longest [ms]", lambda result: f"{result.command_longest_ms:.0f}"),
    ("of the flooded call [ms]", lambda result: f"{result.other_longest_ms:.0f}"),
    ("worker [cores]", lambda result: f"{result.worker_cores:.2f}"),
    ("most memory [MB]", lambda result: f"{result.worker_mb:.0f}"),
)


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option("--floods", default=ALL, help="Which ones, each in a round of its own.", show_default=False)
@click.option("--calls", default=2, type=click.IntRange(1), help="Good calls of each pattern of audio.")
@click.option("--flooded", default=1, type=click.IntRange(1), help="Flooded calls.")
@click.option("--seconds", default=8.0, type=click.FloatRange(3), help="Length of a round.")
@click.option("--out", default=HERE / "out", type=click.Path(path_type=Path), show_default=False)
def main(floods: str, calls: int, flooded: int, seconds: float, out: Path) -> None:
    """Count what good calls miss beside a flood."""
    context = multiprocessing.get_context("spawn")
    results = []
    wanted = floods.split(",")
    if unknown := [each for each in wanted if each not in ALL.split(",")]:
        raise click.BadParameter(f"no such flood: {', '.join(unknown)}. There are {ALL}", param_hint="--floods")
    for flood in wanted:
        # A switch is once in a process.
        with ProcessPoolExecutor(1, mp_context=context) as own_process:
            results.append(own_process.submit(run_flood_round, flood, seconds, calls, flooded).result())
        click.echo(" ".join(f"{name}={value(results[-1])}" for name, value in COLUMNS), err=True)
    click.echo(text_table([name for name, _ in COLUMNS], [[value(each) for _, value in COLUMNS] for each in results]))
    keep_results(out, "floods", rounds=[asdict(each) for each in results])


if __name__ == "__main__":
    main()
