"""How soon the caller hears silence after a barge-in. See README.md beside this file."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import click
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from freeswitch import EventSocketError, RealSwitch, StreamCommands, find_freeswitch  # noqa: E402
from measure import cpu  # noqa: E402
from measure.engine import Engine  # noqa: E402
from measure.interrupter import Interrupter, Sends  # noqa: E402
from measure.listener import Heard, ListenerProcess, ListenerSettings  # noqa: E402
from measure.results import keep_results  # noqa: E402
from measure.silence import Cut, Frame, cuts  # noqa: E402
from measure.table import text_table  # noqa: E402
from sip import PCMU, Caller, MediaRoom, RtpParty  # noqa: E402
from sip.caller import can_call  # noqa: E402

from mod_openai_realtime.native import MODULE_PATH  # noqa: E402

START = "mono 24000 24000"
VARIABLES = {"STREAM_DISABLE_AUDIOFILES": "true"}
ALLOWED_FRAMES = 1  # the contract: playback is silent within one frame

ROWS: tuple[tuple[str, Callable[[Cut], float]], ...] = (
    ("server's send to silence [ms]", lambda cut: cut.send_to_silence_ms),
    ("server's send to event [ms]", lambda cut: cut.send_to_event_ms),
    ("event to silence [ms]", lambda cut: cut.event_to_silence_ms),
    ("frames of agent audio after the send", lambda cut: cut.frames_after_send),
    ("frames of agent audio after the event", lambda cut: cut.frames_after_event),
)


@dataclass(frozen=True)
class Measured:
    """`unclear`: interruptions at which the agent was not heard before, or no event came."""

    switch: str
    cuts: list[Cut]
    unclear: int
    spacing_ms: list[float]
    """From frame to frame, 20 ms on a machine that has time."""
    ticks_over_20_ms: int
    """Of the engine's media clock."""
    busy_cores: float

    @property
    def failures(self) -> int:
        return self.unclear + sum(cut.frames_after_event > ALLOWED_FRAMES or cut.late_audio for cut in self.cuts)


def on_stand_in(engine: Engine, directory: Path, times: int) -> tuple[Sends, Heard]:
    with Interrupter() as far, contextlib.ExitStack() as cleaning:
        listener = ListenerProcess(ListenerSettings(str(engine.socket), str(directory), far.url, START, VARIABLES))
        cleaning.callback(listener.kill)
        sends = far.interrupt(times)
        return sends, listener.end()


def on_freeswitch(engine: Engine, directory: Path, times: int, prefix: Path, destination: str) -> tuple[Sends, Heard]:
    switch = RealSwitch(prefix, MODULE_PATH, engine.socket, directory, log_level="warning")
    with Interrupter() as far, switch, MediaRoom() as room:
        reply = switch.load_module()
        if not reply.startswith("+OK"):
            raise RuntimeError(f"the module did not load: {reply}")
        party = room.party(PCMU)
        with Caller(switch, destination, [party], directory) as caller:
            caller.wait_media()
            uuid = caller.calls[0].uuid
            for name, value in VARIABLES.items():
                switch.api(f"uuid_setvar {uuid} {name} {value}")
            StreamCommands(switch.events, uuid).start(far.url, START)
            with StopWatch(switch, uuid) as stops:
                sends = far.interrupt(times)
            heard = Heard(packets_of(party), stops.times_ns)
            caller.hang_up()
            caller.wait_end()
    return sends, heard


def packets_of(party: RtpParty) -> list[Frame]:
    """By their arrival, which is after their sending by what the kernel and this process take."""
    return [
        Frame.of(party.format.decode(packet.payload), int(packet.at * 1e9), int(packet.at * 1e9))
        for packet in list(party.received)
        if packet.payload_type == party.format.payload_type
    ]


class StopWatch:
    """When each openai_speech_stop came over the Event Socket: FreeSWITCH itself dates events to 20 ms only."""

    def __init__(self, switch: RealSwitch, uuid: str) -> None:
        self.times_ns: list[int] = []
        self._switch, self._uuid = switch, uuid
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(EventSocketError):
                self._switch.events.wait_for("openai_speech_stop", self._uuid, timeout=0.5)
                self.times_ns.append(time.monotonic_ns())


def measure(name: str, run: Callable[[Engine, Path], tuple[Sends, Heard]]) -> Measured:
    with tempfile.TemporaryDirectory(prefix="oarb-") as folder, Engine(Path(folder), 1) as engine:
        started, busy = time.monotonic(), cpu.busy_s()
        sends, heard = run(engine, Path(folder))
        busy_cores = (cpu.busy_s() - busy) / (time.monotonic() - started)
        late = int(engine.ticks().late)
    found = cuts(sends.started_ns, sends.ended_ns, heard.stops_ns, heard.frames)
    clear = [cut for cut in found if cut is not None]
    spacing_ms = [round((b.sent_ns - a.sent_ns) / 1e6, 1) for a, b in pairwise(heard.frames)]
    return Measured(name, clear, len(found) - len(clear), spacing_ms, late, busy_cores)


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.option("--interruptions", default=150, type=click.IntRange(1), help="On each switch; 0.65 s each.")
@click.option("--destination", default="park", help="Where FreeSWITCH takes the call; it has to send by itself.")
@click.option("--stand-in-only", is_flag=True)
@click.option("--out", default=HERE / "out", type=click.Path(path_type=Path), show_default=False)
def main(interruptions: int, destination: str, stand_in_only: bool, out: Path) -> None:
    """Measure how soon the caller hears silence after the server has told that they speak."""
    measured = [measure("stand-in", lambda engine, directory: on_stand_in(engine, directory, interruptions))]
    prefix = None if stand_in_only else find_freeswitch()
    if prefix is not None and can_call():
        measured.append(
            measure(
                "FreeSWITCH",
                lambda engine, directory: on_freeswitch(engine, directory, interruptions, prefix, destination),
            )
        )
    report(measured, out)
    if any(each.failures for each in measured):
        raise SystemExit(1)


def report(measured: list[Measured], out: Path) -> None:
    heading = ["median / 99 % / longest", *(each.switch for each in measured)]
    lines = [[name, *(cell([value(cut) for cut in each.cuts]) for each in measured)] for name, value in ROWS]
    lines += [
        ["interruptions", *(str(len(each.cuts)) for each in measured)],
        ["cut with a fade", *(str(sum(cut.faded for cut in each.cuts)) for each in measured)],
        ["late audio was heard", *(str(sum(cut.late_audio for cut in each.cuts)) for each in measured)],
        ["frame to frame [ms]", *(cell(each.spacing_ms) for each in measured)],
        ["engine's ticks over 20 ms late", *(str(each.ticks_over_20_ms) for each in measured)],
        ["unclear", *(str(each.unclear) for each in measured)],
        ["busy cores, all of the machine", *(f"{each.busy_cores:.2f}" for each in measured)],
    ]
    click.echo(text_table(heading, lines))
    keep_results(out, "barge-in", switches=[asdict(each) for each in measured])


def cell(values: list[float]) -> str:
    if not values:
        return "-"
    median, p99, longest = (float(np.percentile(values, q)) for q in (50, 99, 100))
    return f"{median:.1f} / {p99:.1f} / {longest:.1f}"


if __name__ == "__main__":
    main()
