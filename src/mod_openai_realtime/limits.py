"""Bounds of what a stream keeps of what others say. docs/topics/limits.md has all that there are, with their owners.

What only helps the engine's own bookkeeping forgets its oldest. Where something that is heard would have to be left
out, the connection is ended: LimitExceededError.
"""

from __future__ import annotations

from .token_bucket import TokenBucket

MAX_ID_CHARACTERS = 512
"""Of a response's or an item's id. Real ones have some 30; this is what OpenAI allows for the longest of its ids."""

MAX_UTTERANCES = 256
"""Responses with audio that wait to be heard, and how many may begin at once. A server speaks one at a time."""

UTTERANCES_PER_S = 20
"""How many may begin in the long run: each is told of with three events."""

MAX_RESPONSES = 64
"""Announced, and not over by the server's word. Some servers never say so; of the oldest nothing will come."""

MAX_SPANS = 1024
"""Changes from one item to another within what waits to be heard. What was heard of an older one is told to nobody."""

MAX_CONVERSIONS, CONVERSIONS_PER_S = 4, 1
"""How often what waits to be heard is converted to another rate, since the server states one: some 25 ms for 180 s."""

MAX_CUTS = 16
"""Barge-ins that the media thread has yet to answer, a frame later. Of an older one nobody is told what was heard."""

MAX_ITEM_IDS = 64
"""In a `turn` event."""

MAX_RATES_TOLD = 8
"""Warnings that a server states a rate of its own."""

EVENT_BURST, EVENTS_PER_S = 1000, 100
"""`json` events: so many at once, then so many a second. A model says some 50 words a second, and it is told
in deltas of words, several hundred in the burst of a long answer. FreeSWITCH gives each event to every listener with
all of the channel's variables, some 10 kB; it drops a listener that is behind by more than it keeps."""

EVENT_RESERVE = 250
"""Of the burst what deltas may not use: a message that says that something is done, or has gone wrong, counts more."""

EVENT_BURST_BYTES, EVENT_BYTES_PER_S = 4 << 20, 1 << 20
"""The same in bytes; the last message of a burst may be of any size."""

MAX_PLAY_BYTES = 64 << 10
"""Of a delta's message beside its audio, in the `play` event of its file; real ones have some 200. Up to 256 of them
wait for the disk."""

EVENTS_TOLD_EVERY_S = 10.0
"""How many were left out."""


class LimitExceededError(Exception):
    """The server goes beyond what a stream keeps for it; its text says which limit. The connection is to be ended."""


def admit(bucket: TokenBucket, now_ns: int, why: str) -> None:
    """One more, at a time of CLOCK_MONOTONIC. Raises LimitExceededError, with `why`."""
    if bucket.left(now_ns) < 1:
        raise LimitExceededError(why)
    bucket.spend(1)


def check_id(name: str | None) -> None:
    """Raises LimitExceededError."""
    if name is not None and len(name) > MAX_ID_CHARACTERS:
        raise LimitExceededError(f"an id has more than {MAX_ID_CHARACTERS} characters")


def kept_id(name: object) -> object:
    """An id of the application's own, to know the answer to it by. One that is too long to be kept, or no string, never
    equals any."""
    return name if name is None or (isinstance(name, str) and len(name) <= MAX_ID_CHARACTERS) else object()
