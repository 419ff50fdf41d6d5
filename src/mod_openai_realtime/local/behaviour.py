"""What the endpoint does otherwise than a good server, for tests."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .sounds import Tone


@dataclass(frozen=True)
class Pacing:
    """How fast the audio of a response is sent: `delta_ms` of audio in a message, at `speed` times real time.

    `speed` None sends all at once. The first `ahead_ms` always go at once.
    """

    delta_ms: int = 200
    speed: float | None = 8.0
    ahead_ms: int = 400


@dataclass(frozen=True)
class Ending:
    """How and when the server ends a connection: at the first of the limits that is reached, none: at once.

    `code` None drops TCP without a close frame.
    """

    code: int | None = None
    reason: str = ""
    after_sent_events: int | None = None
    after_received_events: int | None = None
    after_sent_ms: float | None = None
    after_received_ms: float | None = None

    def is_due(self, sent_events: int, received_events: int, sent_ms: float, received_ms: float) -> bool:
        limits = (
            (self.after_sent_events, sent_events),
            (self.after_received_events, received_events),
            (self.after_sent_ms, sent_ms),
            (self.after_received_ms, received_ms),
        )
        named = [reached >= limit for limit, reached in limits if limit is not None]
        return any(named) or not named


@dataclass(frozen=True)
class Behaviour:
    """The defaults are a good server. All options go together."""

    refuse_status: int | None = None
    """Answers the handshake with this status."""
    refuse_headers: tuple[tuple[str, str], ...] = ()
    hang_handshake: bool = False
    """Never answers the handshake."""
    ending: Ending | None = None
    send_on_open: tuple[str | bytes, ...] = ()
    """Messages sent as they are, after `session.created`; `hostile.py` makes some."""
    stall_after_ms: float | None = None
    """Stops reading after so much received audio; 0 reads nothing at all."""
    answer_pings: bool = True
    deflate: bool = True
    """Whether per-message deflate is accepted when it is offered."""
    reuse_response_ids: bool = False
    """All responses have one id, and so have their items."""
    omit_ids: bool = False
    """No response_id, item_id and event_id in events."""
    beta_names: bool = False
    """Events have the names that they had before general availability."""
    late_deltas: int = 0
    """Deltas still sent for a response after it was cancelled."""
    pacing: Pacing = field(default_factory=Pacing)
    stream_tone: Tone | None = None
    """A response of this tone begins by itself when the connection opens."""
    latency_ms: tuple[int, int] = (0, 0)
    """How long a response at least takes to say or call the first thing, from its beginning: a time between these."""
    session_limit_s: float | None = None
    """Ends sessions after so long, as the service does after an hour; None: as the endpoint was told."""
    announce_session: bool = True
    """Whether `session.created` is sent."""
    fail_responses: int = 0
    """So many responses fail, the first of each session."""
    echo: bool = False
    """Audio comes back as it is sent: binary messages in raw mode, else audio deltas."""
    raw: bool = False
    """Any path; audio in binary messages, and no session."""

    def with_latency(self, shortest_ms: int, longest_ms: int) -> "Behaviour":
        return replace(self, latency_ms=(shortest_ms, longest_ms))

    def latency_s(self) -> float:
        """Another one for each response."""
        shortest, longest = self.latency_ms
        return (shortest if shortest == longest else random.uniform(shortest, longest)) / 1000  # noqa: S311


GOOD = Behaviour()

# What the server does on its nth handshake, counted from 0.
Behaviours = Behaviour | Callable[[int], Behaviour]


def first(times: int, then: Behaviour, after: Behaviour = GOOD) -> Callable[[int], Behaviour]:
    """`then` for the first handshakes, `after` for all later ones."""
    return lambda index: then if index < times else after
