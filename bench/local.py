"""Conversations with the local endpoint: how soon it answers, and whether its audio is ever late. See README.md."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import uvloop

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from measure import cpu  # noqa: E402
from measure.conversing import Conversing, Heard, Turn, utterance_messages  # noqa: E402
from measure.machine import machine  # noqa: E402
from measure.table import text_table  # noqa: E402

from mod_openai_realtime.local.voice import hibari  # noqa: E402

WARM_S = 5.0
SAID = "When are you open on Monday, please?"
SCRIPT = [
    "On Monday we are open from seven in the morning until six in the evening.",
    "Thank you, I have made a note of it. Is there anything else?",
    "I see. Could you tell me a little more about that?",
]


@dataclass
class Round:
    conversations: int
    workers: int
    turns: int
    latency_ms: dict[str, float]
    """From the caller's last sample of speech to the first audio of the answer."""
    late_answers: int
    """Answers of which audio came later than it was to be heard."""
    latest_ms: float
    unanswered: int
    cpu_ms: float
    """Of the endpoint, for each conversation and second."""
    others: float
    """Cores that other processes used meanwhile."""


@contextlib.contextmanager
def endpoint(script: Path, workers: int, core: int | None) -> Iterator[tuple[str, list[int]]]:
    """The command as a user runs it; `core` None: wherever it likes. Gives its URL, and the ids of what serves."""
    command = [sys.executable, "-m", "mod_openai_realtime.cli", "local", "--port", "0", "--log-level", "error"]
    command += ["--agent", str(script), "--workers", str(workers)]
    if core is not None:
        command = ["taskset", "--cpu-list", str(core), *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split(", with")[0].split()[-1]
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield url, [process.pid, *map(int, children)]
    finally:
        process.terminate()
        process.wait()


async def converse(
    url: str, count: int, seconds: float, messages: list[bytes], warm: Callable[[], None] | None
) -> list[Heard]:
    """Each begins a little later than the one before. `warm` is called once all have begun."""
    begun = time.monotonic()
    conversations = [Conversing(messages, offset_s=2.5 * index / count) for index in range(count)]
    await asyncio.gather(*(each.connect(url) for each in conversations))
    ticks = 10
    groups = [conversations[index::ticks] for index in range(ticks)]
    tick, due = 0, time.monotonic()
    while time.monotonic() - begun < WARM_S + seconds:
        if warm is not None and time.monotonic() - begun > WARM_S:
            warm()
            warm = None
        for each in groups[tick % ticks]:
            each.send_frame(time.monotonic())
        tick += 1
        due += 0.020 / ticks
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    for each in conversations:
        each.close()
    return [each.heard for each in conversations]


def measure(count: int, workers: int, seconds: float, script: Path, core: int | None) -> Round:
    sound = hibari().speak_now(SAID, 24000)
    messages = utterance_messages(sound)
    with endpoint(script, workers, core) as (url, pids):
        marks: list[tuple[float, float, float, float]] = []

        def mark() -> None:
            used = sum(map(cpu.process_s, pids))
            marks.append((time.monotonic(), used, cpu.process_s(os.getpid()), cpu.busy_s()))

        heard = uvloop.run(converse(url, count, seconds, messages, mark))
        mark()
        lasted, used, mine, busy = (after - before for before, after in zip(*marks, strict=True))
    turns: list[Turn] = [turn for each in heard for turn in each.turns]
    answered = [turn for turn in turns if turn.latency_ms is not None]
    latencies = sorted(turn.latency_ms for turn in answered if turn.latency_ms is not None) or [0.0]
    return Round(
        count,
        workers,
        len(answered),
        {
            "median": round(median(latencies), 1),
            "p95": round(latencies[int(len(latencies) * 0.95)], 1),
            "longest": round(latencies[-1], 1),
        },
        sum(turn.late_ms > 0 for turn in answered),
        round(max((turn.late_ms for turn in answered), default=0.0), 1),
        len(turns) - len(answered),
        round(used / lasted / count * 1000, 2),
        round((busy - used - mine) / lasted, 2),
    )


@click.command()
@click.option("--conversations", "counts", multiple=True, type=int, default=(1, 30, 60), show_default=True)
@click.option("--workers", default=1, show_default=True)
@click.option("--seconds", default=40.0, show_default=True)
@click.option("--core", type=int, help="Pin the endpoint to this core, and the callers to the others.")
def main(counts: tuple[int, ...], workers: int, seconds: float, core: int | None) -> None:
    """Callers who speak, listen to the answer to its end, and speak again, all of them in real time."""
    out = HERE / "out"
    out.mkdir(exist_ok=True)
    script = out / "local-script.json"
    script.write_text(json.dumps(SCRIPT), encoding="utf-8")
    if core is not None:
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {core} or {core})
    rounds = []
    for count in counts:
        rounds.append(measure(count, workers, seconds, script, core))
        click.echo(rounds[-1], err=True)
    facts: dict[str, Any] = {"machine": machine(), "rounds": [asdict(each) for each in rounds]}
    (out / "local.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    click.echo(_table(rounds))


def _table(rounds: list[Round]) -> str:
    rows = [
        ("turns answered", *(str(each.turns) for each in rounds)),
        ("first audio, median [ms]", *(f"{each.latency_ms['median']:.0f}" for each in rounds)),
        ("first audio, 95 % [ms]", *(f"{each.latency_ms['p95']:.0f}" for each in rounds)),
        ("answers with late audio", *(str(each.late_answers) for each in rounds)),
        ("latest audio [ms]", *(f"{each.latest_ms:.0f}" for each in rounds)),
        ("CPU a conversation and second [ms]", *(f"{each.cpu_ms:.2f}" for each in rounds)),
        ("cores that others used", *(f"{each.others:.2f}" for each in rounds)),
    ]
    return text_table(("conversations", *(str(each.conversations) for each in rounds)), rows)


if __name__ == "__main__":
    main()
