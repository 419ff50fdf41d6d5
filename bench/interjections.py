"""What stops an agent that should not, and what does not that should, for each STREAM_BARGE_IN. See README.md."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from measure.engine import Engine  # noqa: E402
from measure.interjecting import Endpoint, Outcome, Settings, interject  # noqa: E402
from measure.interjections import Echo, Half, Sound, echoes, sounds  # noqa: E402
from measure.results import keep_results  # noqa: E402
from measure.table import text_table  # noqa: E402

POLICIES = ("server", "off", "confirm")
DETECTIONS = {"voice": "the local endpoint's", "every-sound": "one that takes every sound for speech"}


def outcomes(policy: str, detection: str, corpus: Sequence[Sound | Echo], at_once: int) -> Iterator[Outcome]:
    with (
        tempfile.TemporaryDirectory(prefix="oari-") as folder,
        Engine(Path(folder), 1) as engine,
        Endpoint(sensitive=detection == "every-sound") as endpoint,
    ):
        for at in range(0, len(corpus), at_once):
            settings = Settings(str(engine.socket), folder, endpoint.url, policy, seed=at)
            yield from interject(settings, corpus[at : at + at_once])


def share(found: Sequence[Outcome]) -> str:
    """How many went wrong, of how many."""
    return f"{sum(each.cut is not each.wanted for each in found)} of {len(found)}" if found else "-"


def median(values: Sequence[int | None]) -> str:
    known = [each for each in values if each is not None]
    return f"{np.median(known):.0f} / {np.percentile(known, 90):.0f}" if known else "-"


def table(found: dict[str, list[Outcome]]) -> str:
    """`found`: by policy."""
    kinds = list(dict.fromkeys(each.kind for each in next(iter(found.values()))))
    heading = ["", *(f"{policy}: wrong" for policy in found), *(f"{p}: silent after" for p in found), "confirm: waited"]
    rows = []
    for kind in kinds:
        of_kind = {policy: [each for each in every if each.kind == kind] for policy, every in found.items()}
        wanted = next(iter(of_kind.values()))[0].wanted
        waited = [each.waited_ms for each in of_kind.get("confirm", []) if not each.cut and each.silent_ms is not None]
        rows.append(
            [
                f"{kind} ({'cuts' if wanted else 'does not cut'})",
                *(share(each) for each in of_kind.values()),
                *(median([one.silent_ms for one in each]) for each in of_kind.values()),
                median(waited),
            ]
        )
    for wanted, title in ((False, "all false cuts"), (True, "all missed")):
        chosen = {policy: [each for each in every if each.wanted is wanted] for policy, every in found.items()}
        rows.append([title, *(share(each) for each in chosen.values()), *("" for _ in found), ""])
    return text_table(heading, rows)


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option("--half", default="test", type=click.Choice(["tune", "test"]), help="Of the corpus.")
@click.option("--policy", "policies", multiple=True, default=POLICIES, type=click.Choice(POLICIES))
@click.option(
    "--detection", "detections", multiple=True, default=tuple(DETECTIONS), type=click.Choice(tuple(DETECTIONS))
)
@click.option("--kind", "kinds", multiple=True, help="Of sound; all if none is given.")
@click.option("--at-once", default=37, type=click.IntRange(1), help="So many calls side by side.")
@click.option("--out", default=HERE / "out", type=click.Path(path_type=Path), show_default=False)
def main(
    half: Half, policies: Sequence[str], detections: Sequence[str], kinds: Sequence[str], at_once: int, out: Path
) -> None:
    """Have each sound of the corpus `interjections` come into a call while the agent answers."""
    corpus = [each for each in (*sounds(half), *echoes(half)) if not kinds or each.kind in kinds]
    found: dict[str, dict[str, list[Outcome]]] = {}
    for detection in detections:
        found[detection] = {policy: list(outcomes(policy, detection, corpus, at_once)) for policy in policies}
        click.echo(f"\nturn detection: {DETECTIONS[detection]}; ms: median / 90 %\n\n{table(found[detection])}")
    results = {d: {p: [asdict(one) for one in every] for p, every in each.items()} for d, each in found.items()}
    keep_results(out, "interjections", half=half, found=results)


if __name__ == "__main__":
    main()
