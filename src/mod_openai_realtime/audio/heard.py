"""Which part of which item the caller has heard, when playback is cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..limits import MAX_SPANS


@dataclass(frozen=True, slots=True)
class ItemPart:
    """One audio part of a conversation item: what `conversation.item.truncate` names."""

    item_id: str
    content_index: int
    session: int = 0
    """Of a stream's sessions the one that knows the item."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Samples at the playback rate: of this part, `heard_samples` of `received_samples` were played to the caller."""

    part: ItemPart
    heard_samples: int
    received_samples: int

    def audio_end_ms(self, rate: int) -> int:
        """For the server: rounded down, so that it never lies beyond what was received."""
        return self.heard_samples * 1000 // rate


@dataclass(slots=True)
class _Span:
    part: ItemPart
    start: int
    end: int


class HeardLedger:
    """Spans of source positions, in the order of playout, one a run of deltas: the newest MAX_SPANS."""

    def __init__(self) -> None:
        self._spans: list[_Span] = []

    def add(self, part: ItemPart, start: int, samples: int) -> None:
        """`samples` of `part` have been queued at source position `start`."""
        last = self._spans[-1] if self._spans else None
        if last is not None and last.part == part and last.end == start:
            last.end += samples
        else:
            self._spans.append(_Span(part, start, start + samples))
            if len(self._spans) > MAX_SPANS:
                del self._spans[0]

    def cut(self, position: int, *, more: bool = False) -> list[Heard]:
        """Playback ended at source `position`: the parts of which something is left unheard, oldest first. `more`: of
        the last part not all had come."""
        last = self._spans[-1].part if more and self._spans else None
        totals: dict[ItemPart, tuple[int, int]] = {}
        for span in self._spans:
            heard, received = totals.get(span.part, (0, 0))
            played = max(0, min(position, span.end) - span.start)
            totals[span.part] = (heard + played, received + span.end - span.start)
        self._spans.clear()
        return [
            Heard(part, heard, received)
            for part, (heard, received) in totals.items()
            if heard < received or part == last
        ]

    def move(self, start: int, end: int, other: HeardLedger, to: int) -> None:
        """What lies from `start` to `end` goes to the other ledger, to begin at `to` there."""
        rest: list[_Span] = []
        for span in self._spans:
            first, last = max(span.start, start), min(span.end, end)
            if first >= last:
                rest.append(span)
                continue
            other.add(span.part, to + first - start, last - first)
            for side in (_Span(span.part, span.start, first), _Span(span.part, last, span.end)):
                if side.start < side.end:
                    rest.append(side)
        self._spans = rest

    def spans(self) -> list[tuple[str, int, int, int]]:
        """Item, content index, start and end of each."""
        return [(span.part.item_id, span.part.content_index, span.start, span.end) for span in self._spans]

    def copy(self) -> HeardLedger:
        other = HeardLedger()
        other._spans.extend(_Span(span.part, span.start, span.end) for span in self._spans)
        return other

    def reach(self, item_id: str, session: int) -> tuple[int, int] | None:
        """Where an item begins and ends; None where nothing of it is here."""
        spans = [span for span in self._spans if _is_of(span, item_id, session)]
        return (spans[0].start, spans[-1].end) if spans else None

    def remove(self, item_id: str, session: int) -> None:
        """Nothing is to be told of this item."""
        self._spans = [span for span in self._spans if not _is_of(span, item_id, session)]

    def scale(self, scaled: Callable[[int], int]) -> None:
        """Positions are counted at another rate from now on."""
        for span in self._spans:
            span.start, span.end = scaled(span.start), scaled(span.end)

    def forget(self) -> None:
        """All that was queued has been heard."""
        self._spans.clear()


def _is_of(span: _Span, item_id: str, session: int) -> bool:
    return span.part.item_id == item_id and span.part.session == session
