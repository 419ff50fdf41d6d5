"""What a call costs on a real FreeSWITCH, whose own cost is taken off. See README.md beside this file."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import click

HERE = Path(__file__).resolve().parent
# The harness is called `freeswitch` as this file is: it has to be found first.
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from freeswitch import find_freeswitch  # noqa: E402
from measure.load import Load  # noqa: E402
from measure.machine import machine  # noqa: E402
from measure.switch_round import Candidate, SwitchResult, run_switch_round  # noqa: E402
from measure.table import text_table  # noqa: E402
from sip.caller import can_call  # noqa: E402

from mod_openai_realtime.native import MODULE_PATH  # noqa: E402

OURS, REFERENCE = "this module", "reference"
Found = dict[tuple[Load, str], list[SwitchResult]]

ROWS: tuple[tuple[str, Callable[[SwitchResult], float], str], ...] = (
    ("CPU added by the streams [ms]", lambda result: result.cpu_ms, ".2f"),
    ("  in FreeSWITCH [ms]", lambda result: result.switch_ms - result.baseline_ms, ".2f"),
    ("  in the engine [ms]", lambda result: result.engine_ms, ".2f"),
    ("FreeSWITCH without streams [ms]", lambda result: result.baseline_ms, ".2f"),
    ("sink [ms]", lambda result: result.sink_ms, ".2f"),
    ("callers [ms]", lambda result: result.callers_ms, ".2f"),
    ("delivered to the sink, worst [%]", lambda result: 100 * result.delivered, ".2f"),
    ("silent packets heard [per mille]", lambda result: result.silent_packets, ".2f"),
    ("memory per call [MB]", lambda result: result.memory_mb, ".3f"),
    ("noise: cores used by others", lambda result: result.others_cores, ".2f"),
)


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option("--calls", default="20,60", help="How many at once; several numbers are measured one after the other.")
@click.option("--seconds", default=20.0, type=click.FloatRange(1), help="Length of a round, after the warm-up.")
@click.option("--warm-up", "warm_up_s", default=4.0, type=click.FloatRange(1))
@click.option("--rounds", default=3, type=click.IntRange(1), help="Of each load; loads and modules take turns.")
@click.option("--tls/--plain", default=None, help="One of the two.  [default: both]")
@click.option("--deflate", is_flag=True, help="With per-message deflate.")
@click.option("--workers", default=1, type=click.IntRange(1), help="Worker processes of the engine.")
@click.option("--message-ms", default=20, type=click.IntRange(20, 1000), help="STREAM_BUFFER_SIZE.")
@click.option("--delta-ms", default=200, type=click.IntRange(20, 1000), help="Agent audio in one message.")
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
    found: Found = {}
    failed = False
    for number in range(rounds):
        for load in loads:
            # Whoever comes second finds a warmer machine: they swap.
            for candidate in candidates if number % 2 == 0 else candidates[::-1]:
                name = f"round {number + 1}, {load.label}, {candidate.name}"
                try:
                    result = run_switch_round(load, prefix, candidate)
                except Exception as error:
                    failed = True
                    click.echo(f"{name}: {type(error).__name__}: {error}", err=True)
                    continue
                found.setdefault((load, candidate.name), []).append(result)
                click.echo(f"{name}: {result.cpu_ms:.2f} ms, {100 * result.delivered:.2f} % delivered", err=True)
    if found:
        report(found, out)
    if failed:
        raise SystemExit(1)


def report(found: Found, out: Path) -> None:
    lines = [[name, *(cell(results, value, form) for results in found.values())] for name, value, form in ROWS]
    click.echo(text_table(["per call and second", *(f"{load.label}, {name}" for load, name in found)], lines))
    ratios = cpu_ratios(found)
    for label, ratio in ratios.items():
        click.echo(f"{label}: CPU of {OURS} by that of the {REFERENCE}: {ratio:.2f}")
    out.mkdir(parents=True, exist_ok=True)
    path = out / time.strftime("freeswitch-%Y%m%d-%H%M%S.json")
    rounds = [result.as_json() for results in found.values() for result in results]
    path.write_text(json.dumps({"machine": machine(), "rounds": rounds, "ratios": ratios}, indent=1))
    click.echo(f"\n{path}")


def cell(results: Sequence[SwitchResult], value: Callable[[SwitchResult], float], form: str) -> str:
    numbers = sorted(map(value, results))
    return f"{median(numbers):{form}} ({numbers[0]:{form}}-{numbers[-1]:{form}})"


def cpu_ratios(found: Found) -> dict[str, float]:
    """By load, where both were measured."""
    return {
        load.label: median(result.cpu_ms for result in results)
        / median(result.cpu_ms for result in found[load, REFERENCE])
        for (load, name), results in found.items()
        if name == OURS and (load, REFERENCE) in found
    }


if __name__ == "__main__":
    main()
