"""What a call costs on a real FreeSWITCH, whose own cost is taken off. See README.md beside this file."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from freeswitch import find_freeswitch  # noqa: E402
from measure.awake import cores_awake  # noqa: E402
from measure.limits import raise_open_files  # noqa: E402
from measure.load import Load  # noqa: E402
from measure.machine import machine  # noqa: E402
from measure.page import GOAL_HEADING, goal_lines, write_json  # noqa: E402
from measure.results import results_path  # noqa: E402
from measure.switch_report import write_switch_page  # noqa: E402
from measure.switch_result import CHANNELS, OURS, REFERENCE, Candidate  # noqa: E402
from measure.switch_round import run_switch_round  # noqa: E402
from measure.switch_table import Found, ratio_cells, switch_cells, switch_verdicts  # noqa: E402
from measure.table import text_table  # noqa: E402
from sip.caller import can_call  # noqa: E402

from mod_openai_realtime.native import MODULE_PATH  # noqa: E402


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option("--calls", default="20,60", help="How many at once; several numbers are measured one after the other.")
@click.option("--seconds", default=20.0, type=click.FloatRange(1), help="With streams, after the warm-up; without too.")
@click.option("--warm-up", "warm_up_s", default=4.0, type=click.FloatRange(1))
@click.option("--rounds", default=3, type=click.IntRange(1), help="Of each load; loads and modules take turns.")
@click.option("--tls/--plain", default=None, help="One of the two.  [default: both]")
@click.option("--deflate", is_flag=True, help="With per-message deflate.")
@click.option("--workers", default=1, type=click.IntRange(1), help="Worker processes of the engine.")
@click.option("--message-ms", default=20, type=click.IntRange(20, 1000), help="STREAM_BUFFER_SIZE.")
@click.option("--delta-ms", default=200, type=click.IntRange(20, 1000), help="Agent audio in one message.")
@click.option(
    "--channel",
    type=click.Choice(CHANNELS),
    help="What the channels do besides.  [default: park, with a reference silence]",
)
@click.option("--awake/--asleep", default=True, help="Whether idle cores are kept from sleeping (takes root).")
@click.option("--module", default=MODULE_PATH, type=click.Path(path_type=Path, exists=True), show_default=False)
@click.option(
    "--reference-module",
    type=click.Path(path_type=Path, exists=True),
    help="Another build of mod_openai_audio_stream.so, measured in turn with this one.",
)
@click.option("--reference-engine", is_flag=True, help="The other build wants an engine too.")
@click.option("--out", default=HERE / "out", type=click.Path(path_type=Path), show_default=False)
def main(
    calls: str,
    seconds: float,
    warm_up_s: float,
    rounds: int,
    tls: bool | None,
    deflate: bool,
    workers: int,
    message_ms: int,
    delta_ms: int,
    channel: str | None,
    awake: bool,
    module: Path,
    reference_module: Path | None,
    reference_engine: bool,
    out: Path,
) -> None:
    """Measure what streams add to a FreeSWITCH with SIP calls and RTP."""
    prefix = find_freeswitch()
    if prefix is None or not can_call():
        raise click.ClickException("this needs a FreeSWITCH (FREESWITCH_PREFIX, or on the PATH) and sipp")
    candidates = [Candidate(OURS, module)]
    if reference_module is not None:
        candidates.append(Candidate(REFERENCE, reference_module, reference_engine))
    if channel is None:
        channel = "park" if reference_module is None else "silence"
    loads = [
        Load(
            calls=int(number),
            tls=encrypted,
            deflate=deflate,
            seconds=seconds,
            warm_up_s=warm_up_s,
            workers=workers,
            message_ms=message_ms,
            delta_ms=delta_ms,
            probe=False,
        )
        for number in calls.split(",")
        for encrypted in ((False, True) if tls is None else (tls,))
    ]
    raise_open_files(max(load.calls for load in loads))
    # What it started is ended when it is told to end, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with cores_awake(awake) as are_awake:
        facts = {**machine(prefix), "channels": channel, "cores sleep": "no" if are_awake else "yes"}
        found, failures = measure(loads, candidates, rounds, prefix, channel)
    if found:
        report(found, failures, facts, out)
    if failures:
        click.echo(f"\nRounds that failed: {len(failures)}\n" + "\n".join(map(first_line, failures)), err=True)
        raise SystemExit(1)


def measure(
    loads: list[Load], candidates: list[Candidate], rounds: int, prefix: Path, channel: str
) -> tuple[Found, list[str]]:
    """What was measured, and why what is missing is missing."""
    found: Found = {}
    failures: list[str] = []
    for number in range(1, rounds + 1):
        for load in loads:
            # Whoever comes second finds a warmer machine: they swap.
            for candidate in candidates if number % 2 else candidates[::-1]:
                name = f"round {number}, {load.label}, {candidate.name}"
                try:
                    result = run_switch_round(load, prefix, candidate, channel)
                except Exception as error:
                    failures.append(f"{name}: {error}")
                    click.echo(failures[-1], err=True)
                    continue
                found.setdefault((load, candidate.name), {})[number] = result
                click.echo(
                    f"{name}: {result.cpu_ms:.2f} ms, {100 * result.delivered:.2f} % delivered, "
                    f"{result.silent_packets:.1f} per mille silent",
                    err=True,
                )
    return found, failures


def first_line(text: str) -> str:
    return text.partition("\n")[0]


def report(found: Found, failures: list[str], facts: dict[str, str], out: Path) -> None:
    goals = switch_verdicts(found)
    click.echo(text_table(*switch_cells(found)))
    heading, lines = ratio_cells(found)
    if lines:
        click.echo("\n" + text_table(heading, lines))
    if goals:
        click.echo("\n" + text_table(GOAL_HEADING, goal_lines(goals)))
    path = results_path(out, "freeswitch")
    rounds = [{"round": number, **result.as_json()} for results in found.values() for number, result in results.items()]
    write_json(path, facts, rounds, goals, failures)
    write_switch_page(path.with_suffix(".html"), facts, found, goals, failures)
    click.echo(f"\n{path}\n{path.with_suffix('.html')}")


if __name__ == "__main__":
    main()
