"""One call with a fault: what came of it, as a row of the table that the test run prints."""

from __future__ import annotations

import itertools
import json
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mod_openai_realtime.local.recording import ConnectionRecord
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.standin import Call, StandIn
from mod_openai_realtime.standin.events import Event
from mod_openai_realtime.switch.events import PREFIX

API = "uuid_openai_audio_stream"
RATE = 24000  # of the channel, both ways, so that samples can be compared
FRAME = RATE // 50
FRAME_BYTES = 2 * FRAME
LOUD = 500  # of the agent's tone


@dataclass
class Row:
    """Times in ms after the fault; None where that did not happen."""

    name: str
    noticed: int | None = None
    events: list[str] = field(default_factory=list)
    flows_again: int | None = None
    connected: int | None = None
    """The last time."""
    caller_lost: int = 0
    caller_twice: int = 0
    silent: int = 0
    longest_silence: int = 0
    errors: list[str] = field(default_factory=list)
    failure: str = ""
    """Of the test."""

    def cells(self) -> list[str]:
        def ms(value: int | None) -> str:
            return "-" if value is None else str(value)

        return [
            self.name,
            ms(self.noticed),
            " ".join(self.events) or "none",
            ms(self.flows_again),
            str(self.caller_lost),
            str(self.caller_twice),
            str(self.longest_silence),
            "; ".join(dict.fromkeys([*self.errors, *([self.failure] if self.failure else [])])),
        ]


HEAD = [
    "fault",
    "noticed after ms",
    "events",
    "caller audio flows again after ms",
    "caller audio lost, ms",
    "sent twice, ms",
    "longest silence heard, ms",
    "errors told",
]


def table(rows: list[Row]) -> str:
    cells = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(each) + " |" for each in cells)


class Scene:
    """A call whose caller speaks noise, and whose agent a tone, by the real clock; `case` names its connections at the
    endpoint, which others share."""

    def __init__(self, case: str, switch: StandIn, endpoint: LocalEndpointThread, seconds: float) -> None:
        self.case = case
        self.switch, self.endpoint = switch, endpoint
        self._key = re.sub(r"[^a-z0-9]+", "-", case.lower())
        random = np.random.default_rng(zlib.crc32(case.encode()))
        self._noise = random.integers(-8000, 8000, int(seconds * RATE)).astype("<i2")
        self.variables: dict[str, str] = {}
        self.call: Call | None = None
        self.events: list[Event] = []
        self.fault_ns = 0
        self._heard = b""
        self._runs: list[tuple[int, int]] = []  # of what was said, what came; bytes

    def start(self, port: int, scheme: str = "ws", host: str = "127.0.0.1", **variables: str) -> None:
        variables = {"STREAM_DISABLE_AUDIOFILES": "1", **self.variables, **variables}
        call = self.call = self.switch.call(RATE, variables=variables)
        self.fault_ns = time.monotonic_ns()
        uri = f"{scheme}://{host}:{port}{self.path}"
        reply = self.switch.api(API, f"{call.uuid} start {uri} mono 24k 24k").strip()
        assert reply == "+OK Success", reply
        call.feed(self._noise.tobytes())

    @property
    def path(self) -> str:
        """Of the URI."""
        return f"/v1/realtime?model=gpt-realtime-2.1&deployment={self._key}"

    def wait(self, subclass: str, timeout_s: float = 40.0) -> Event:
        """The next event of that name. The others before it are kept too."""
        assert self.call is not None
        event = self.switch.wait_event(subclass, self.call.uuid, timeout_s)
        self.events.append(event)
        return event

    def collect(self) -> None:
        """What else has been told."""
        assert self.call is not None
        for name in ("connect", "disconnect", "error", "restored", "openai_speech_start", "openai_speech_stop"):
            while True:
                try:
                    self.events.append(self.switch.wait_event(name, self.call.uuid, 0))
                except TimeoutError:
                    break
        self.events.sort(key=lambda event: event.time_ns)

    def fault(self) -> None:
        """Now."""
        self.fault_ns = time.monotonic_ns()

    def records(self) -> list[ConnectionRecord]:
        return [each for each in self.endpoint.snapshot() if each.path.endswith(f"={self._key}")]

    def until(self, condition: Callable[[list[ConnectionRecord]], object], timeout_s: float = 40.0) -> None:
        """Of this call's connections."""
        wanted = f"={self._key}"
        self.endpoint.wait_for(
            lambda endpoint: condition([each for each in endpoint.connections if each.path.endswith(wanted)]), timeout_s
        )

    def until_flows(self, connections: int, messages: int = 50) -> None:
        """So many connections have been, and the newest has had a second of caller audio."""
        self.until(lambda records: len(records) >= connections and records[-1].received_messages >= messages)

    def heard(self) -> bytes:
        assert self.call is not None
        self._heard += self.call.sent()
        return self._heard

    def row(self) -> Row:
        """To be called at the end; hangs up."""
        assert self.call is not None
        self.collect()
        row = Row(self.case)
        after = [event for event in self.events if event.time_ns >= self.fault_ns]
        row.events = _words(after)
        noticed = [event for event in after if event.subclass in _names("disconnect", "error")]
        if noticed:
            row.noticed = (noticed[0].time_ns - self.fault_ns) // 1_000_000
        connected = [event for event in after if event.subclass in _names("connect")]
        if connected:
            row.connected = (connected[-1].time_ns - self.fault_ns) // 1_000_000
        row.errors = [
            json.loads(event.body)["message"]["error"] for event in after if event.subclass in _names("error")
        ]
        records = self.records()
        fresh = [m.at for record in records for m in record.received if m.audio and m.at * 1e9 > self.fault_ns]
        self._count_caller(row, records, fresh)
        self._count_silence(row)
        self.call.hangup()
        return row

    def _count_caller(self, row: Row, records: list[ConnectionRecord], times: list[float]) -> None:
        received = [record.received_audio() for record in records]
        noise = self._noise.tobytes()
        for audio in received:
            at = 0
            # Runs of what was said, one after the other.
            while at + FRAME_BYTES <= len(audio):
                if not any(audio[at : at + FRAME_BYTES]):
                    at += FRAME_BYTES  # the caller has said all
                    continue
                place = noise.find(audio[at : at + FRAME_BYTES])
                if place < 0:
                    at += 2
                    continue
                run = _common(audio, at, noise, place)
                self._runs.append((place, place + run))
                at += run
        self._settle_runs(row)
        row.flows_again = self._flows_again(times)

    def _settle_runs(self, row: Row) -> None:
        runs = sorted(self._runs)
        if not runs:
            return
        lost = twice = 0
        end = runs[0][1]
        for start, stop in runs[1:]:
            if start > end:
                lost += start - end
            else:
                twice += min(end, stop) - start
            end = max(end, stop)
        row.caller_lost = lost * 1000 // (2 * RATE)
        row.caller_twice = twice * 1000 // (2 * RATE)

    def _flows_again(self, times: list[float]) -> int | None:
        """After the longest pause in what came."""
        if not times:
            return None
        moments = [self.fault_ns / 1e9, *sorted(times)]
        pauses = [(later - earlier, later) for earlier, later in itertools.pairwise(moments)]
        longest, ends = max(pauses)
        return round(1000 * (ends - self.fault_ns / 1e9)) if longest > 0.1 else 0

    def _count_silence(self, row: Row) -> None:
        samples = np.frombuffer(self.heard(), "<i2")
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        loud = np.abs(frames.astype(np.int32)).max(axis=1) > LOUD if len(frames) else np.zeros(0, bool)
        sounding = np.nonzero(loud)[0]
        if not len(sounding):
            row.silent = row.longest_silence = 20 * len(frames)
            return
        begun = loud[sounding[0] :]
        row.silent = int(20 * (~begun).sum())
        longest = current = 0
        for each in begun:
            current = 0 if each else current + 1
            longest = max(longest, current)
        row.longest_silence = 20 * longest


def _common(one: bytes, at: int, other: bytes, place: int) -> int:
    """How many bytes the two have in common from there on."""
    size = min(len(one) - at, len(other) - place)
    a = np.frombuffer(one, np.uint8, size, at)
    b = np.frombuffer(other, np.uint8, size, place)
    differ = np.nonzero(a != b)[0]
    return int(differ[0]) if len(differ) else size


def _names(*names: str) -> set[str]:
    return {PREFIX + name for name in names}


def _words(events: list[Event]) -> list[str]:
    """Their names, with close codes and statuses, without speech; repetitions counted."""
    words: list[str] = []
    for event in events:
        name = event.subclass.removeprefix(PREFIX)
        if name.startswith("openai_speech"):
            continue
        body = json.loads(event.body)
        if name == "disconnect":
            name += f"({body['message']['code']})"
        elif name == "connect" and "cause" in body:
            name += f"({body['cause']})"
        elif name == "error" and body["message"]["http_status"]:
            name += f"({body['message']['http_status']})"
        if words and words[-1].split("*")[0] == name:
            count = int(words[-1].partition("*")[2] or 1) + 1
            words[-1] = f"{name}*{count}"
        else:
            words.append(name)
    return words
