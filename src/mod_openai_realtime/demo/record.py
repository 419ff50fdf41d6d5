"""All that a call left behind, for the checks and the picture."""

from dataclasses import dataclass

from ..local.g711 import Samples
from ..local.recording import ConnectionRecord
from .journal import Entry, events_named
from .script import Scenario
from .sound import LOUD, Span, extent
from .tape import RATE


@dataclass(frozen=True)
class CallRecord:
    """Tracks are at tape.RATE, sample 0 of each at `origin_ns` (CLOCK_MONOTONIC). `entries` are in order of time."""

    conversation: Scenario
    entries: list[Entry]
    caller: Samples
    agent: Samples
    origin_ns: int
    originals: dict[str, Samples]
    """Each line of the script as it was spoken."""
    connections: list[ConnectionRecord]
    """What the endpoint saw."""
    failure: str | None
    """Why the conversation was broken off; None if it was not."""
    log: list[str]
    """Warnings and errors in the switch's log."""
    bugs_left: int
    files_left: list[str]
    """Media bugs and temporary audio files that were there after the stop."""
    steps: int
    skipped_steps: int
    """Frames of the call, and those that the machine was too slow for."""
    late_max_ns: int
    engine_exit: int | None
    """The engine's exit code, once it was told to end."""

    def sample_at(self, time_ns: int) -> int:
        return (time_ns - self.origin_ns) * RATE // 1_000_000_000

    def events(self, name: str) -> list[Entry]:
        """See Entry.is_event."""
        return events_named(self.entries, name)

    def caller_spans(self) -> list[tuple[str, Span]]:
        """The caller's lines, each from its first loud sample to its last."""
        spans = []
        for entry in self.entries:
            if entry.source == "caller":
                original = extent(self.originals[entry.body], level=LOUD)
                begin = self.sample_at(entry.time_ns)
                if original is not None:
                    spans.append((str(entry.body), Span(begin + original.start, begin + original.end)))
        return spans


def ms(samples: int) -> float:
    return samples * 1000 / RATE


def seconds(samples: int) -> float:
    return samples / RATE
