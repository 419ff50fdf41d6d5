"""What a call costs: N streams in real time through module and engine. See README.md beside this file."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import click
from measure.awake import cores_awake
from measure.goals import verdicts
from measure.limits import raise_open_files
from measure.load import Load, Result
from measure.machine import machine
from measure.page import GOAL_HEADING, goal_lines, write_json
from measure.report import write_calls_page
from measure.results import results_path
from measure.round import run_round
from measure.table import cells, text_table

HERE = Path(__file__).resolve().parent
BOTH = (False, True)


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option(
    "--calls", default="1,20,60,150,300", help="How many at once; several numbers are measured one after the other."
)
@click.option("--seconds", default=20.0, type=click.FloatRange(1), help="Length of a round, after the warm-up.")
@click.option("--warm-up", "warm_up_s", default=4.0, type=click.FloatRange(1))
@click.option("--rounds", default=3, type=click.IntRange(1), help="Of each load; the loads take turns.")
@click.option("--tls/--plain", default=None, help="One of the two.  [default: both]")
@click.option("--deflate", default="off", type=click.Choice(["off", "on", "both"]))
@click.option("--workers", default=1, type=click.IntRange(1), help="Worker processes of the engine.")
@click.option("--media-threads", default=2, type=click.IntRange(1), help="Of the stand-in switch.")
@click.option("--message-ms", default=20, type=click.IntRange(20, 1000), help="STREAM_BUFFER_SIZE.")
@click.option("--delta-ms", default=200, type=click.IntRange(20, 1000), help="Agent audio in one message.")
@click.option("--audio-files", is_flag=True, help="With the module's default of writing agent audio to files.")
@click.option("--awake/--asleep", default=False, help="Whether idle cores are kept from sleeping (takes root).")
@click.option("--no-probe", is_flag=True, help="Without the call that measures latency.")
@click.option("--out", default=HERE / "out", type=click.Path(path_type=Path), show_default=False)
def main(
    calls: str,
    seconds: float,
    warm_up_s: float,
    rounds: int,
    tls: bool | None,
    deflate: str,
    workers: int,
    media_threads: int,
    message_ms: int,
    delta_ms: int,
    audio_files: bool,
    awake: bool,
    no_probe: bool,
    out: Path,
) -> None:
    """Measure CPU, latency, losses and memory of streams through the compiled module and a real engine."""
    loads = [
        Load(
            calls=int(number),
            tls=encrypted,
            deflate=compressed,
            seconds=seconds,
            warm_up_s=warm_up_s,
            workers=workers,
            media_threads=media_threads,
            message_ms=message_ms,
            delta_ms=delta_ms,
            audio_files=audio_files,
            probe=not no_probe,
        )
        for number in calls.split(",")
        for encrypted in (BOTH if tls is None else (tls,))
        for compressed in {"off": (False,), "on": (True,), "both": BOTH}[deflate]
    ]
    raise_open_files(max(load.calls for load in loads))
    with cores_awake(awake) as are_awake:
        facts = {**machine(), "cores sleep": "no" if are_awake else "yes"}
        measured, failures = measure(loads, rounds)
    if measured:
        report(measured, failures, facts, out)
    if failures:
        raise SystemExit(1)


def measure(loads: list[Load], rounds: int) -> tuple[dict[Load, list[Result]], list[str]]:
    """What was measured, and why what is missing is missing."""
    found: dict[Load, list[Result]] = {load: [] for load in loads}
    failures: list[str] = []
    for number in range(1, rounds + 1):
        for load in loads:
            try:
                result = in_own_process(load)
            except Exception as error:
                # One round that breaks must not cost the others; it is no figure, and the exit code tells.
                failures.append(f"round {number}, {load.label}: {error}")
                click.echo(failures[-1], err=True)
                continue
            found[load].append(result)
            click.echo(
                f"round {number}, {load.label}: {result.cpu_ms:.2f} ms per call and second, "
                f"{100 * result.delivered:.3f} % delivered, {result.underruns} underruns",
                err=True,
            )
    return {load: results for load, results in found.items() if results}, failures


def in_own_process(load: Load) -> Result:
    """A switch is once in a process, and nobody else's memory shall be in the way. Raises RuntimeError."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_round, args=(load, theirs))
    process.start()
    theirs.close()
    try:
        outcome: Result | str = ours.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process of the round ended with {process.exitcode}") from None
    process.join()
    if isinstance(outcome, str):
        raise RuntimeError(outcome)
    return outcome


def _round(load: Load, owner: Connection) -> None:
    try:
        owner.send(run_round(load))
    except Exception as error:
        owner.send(f"{type(error).__name__}: {error}")


def report(measured: dict[Load, list[Result]], failures: list[str], facts: dict[str, str], out: Path) -> None:
    goals = verdicts(measured)
    click.echo(text_table(*cells(measured)))
    click.echo("\n" + text_table(GOAL_HEADING, goal_lines(goals)))
    path = results_path(out, "calls")
    rounds = [result.as_json() for results in measured.values() for result in results]
    write_json(path, facts, rounds, goals, failures)
    write_calls_page(path.with_suffix(".html"), facts, measured, goals, failures)
    click.echo(f"\n{path}\n{path.with_suffix('.html')}")


if __name__ == "__main__":
    main()
