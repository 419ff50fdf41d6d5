"""What differs between endpoints that speak nearly the same, as one value. All else asks it, and knows no vendor.

The defaults are OpenAI's protocol of today, with the names of its beta understood as well: what any server gets of
which nothing else is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ..audio.audio_format import Encoding, Side
from .client_messages import ClientKind
from .messages import KINDS, Kind

CREATE_ITEM, DELETE_ITEM = "conversation.item.create", "conversation.item.delete"

ROLLOVER_MARGIN_S = 300
"""A session is to be left so long before the server ends it: a moment of silence has to be waited for."""


def left_after_s(limit_s: float) -> float:
    """After how long a session is to be left that the server ends after `limit_s`."""
    return max(limit_s - ROLLOVER_MARGIN_S, limit_s / 2)


class Shape(StrEnum):
    """How a session is laid out."""

    NESTED = "nested"  # audio.input.format, audio.input.turn_detection
    FLAT = "flat"  # input_audio_format, turn_detection: the beta's
    HALF = "half"  # formats nested, turn detection and voice flat


class Gate(StrEnum):
    """What caller audio waits for."""

    OPEN = "open"  # nothing
    UPDATED = "updated"  # the answer to a session.update, of the engine's own where the application has sent none
    CONFIGURED = "configured"  # the answer to one of the application's, without which the server can do nothing


@dataclass(frozen=True, slots=True)
class Formats:
    """Of one direction: the name of each encoding in a session; empty for G.711 that the server does not take."""

    pcm: str = "audio/pcm"
    """Every server takes it. Empty: it is never named, as there is no choice."""
    pcmu: str = "audio/pcmu"
    pcma: str = "audio/pcma"
    rates: tuple[int, ...] = ()
    """Of pcm, in Hz: the one to be used is asked for. None: there is no choice."""
    rate_names: Mapping[int, str] = field(default_factory=dict)
    """Of pcm at these rates, where the name says the rate."""
    unstated_rate: int | None = None
    """Of pcm where the session states none; None: that of `start`."""

    def name(self, encoding: Encoding, rate: int) -> str:
        """In a session; empty where it has none."""
        if encoding is Encoding.PCM:
            return self.rate_names.get(rate, self.pcm)
        return self.pcmu if encoding is Encoding.PCMU else self.pcma

    def takes(self, encoding: Encoding) -> bool:
        return encoding is Encoding.PCM or bool(self.name(encoding, 0))

    def pcm_rate(self, wanted: int) -> int:
        """The rate to use where `wanted` is the stream's: no lower where there is one, so that nothing is lost."""
        if not self.rates:
            return self.unstated_rate or wanted
        return min((rate for rate in self.rates if rate >= wanted), default=max(self.rates))


EVERY_ITEM = frozenset({"user", "assistant", "system", "function_call", "function_call_output"})


@dataclass(frozen=True)
class Dialect:
    """Of an endpoint; which one is chosen by choosing.py. Immutable, so what follows of it is kept."""

    name: str
    vendor: str = "openai"
    """Whose voices and models a session names: nobody else's server knows them."""

    # -- messages
    append: str = "input_audio_buffer.append"
    """The `type` that carries caller audio."""
    audio_deltas: tuple[str, ...] = ("response.output_audio.delta", "response.audio.delta")
    greetings: tuple[str, ...] = ("session.created",)
    """What a session begins with; the first that comes counts."""
    unknown: frozenset[str] = frozenset()
    """Client events that the server does not know: none of them is sent for the application."""
    keep_alive: str = ""
    """The `type` of what is to be sent every `keep_alive_s`; empty: nothing."""
    keep_alive_answer: str = ""
    """The `type` of what answers it."""
    keep_alive_s: int = 30
    playback_ack: str = ""
    """The `type` of what tells the server, at the end of a response, how much of it was heard; empty: nothing."""

    # -- the session
    shape: Shape = Shape.NESTED
    session_type: str = "realtime"
    """The session's `type` in the engine's own updates; empty: it has none."""
    session: Mapping[str, Any] = field(default_factory=dict)
    """What every session is asked besides, at its beginning; the application's own wishes go before it."""
    greets: bool = True
    """False: the server waits for a `session.update` before it says anything."""
    input: Formats = Formats()
    output: Formats = Formats()
    gate: Gate = Gate.OPEN
    gate_wait_ms: int | None = 2000
    """How long caller audio waits at the gate; None: for as long as it takes."""
    session_limit_s: int | None = None
    """How long the server lets a session live; None where that is not known."""

    # -- interruption
    speech_interrupts: bool = True
    """`speech_started` ends playback also where the session has no turn detection."""
    leaves_answers: bool = True
    """It can be told not to cancel its answer when the caller speaks (`interrupt_response`)."""
    detection: str = ""
    """The `type` of turn detection that takes this, where the application names none; empty: that of the session."""
    cut_reasons: frozenset[str] = frozenset({"client_cancelled"})
    """Of `response.done`, for which the response is not to be heard any more."""

    # -- a new session
    items: frozenset[str] = EVERY_ITEM
    """What it can be given: messages of these roles, and these other kinds of items."""
    longest_id: int | None = None
    """So many characters an item's id, or a call's, may have; None: any number."""
    agent_text: str = "output_text"
    """The `type` of a part with the agent's words."""

    @cached_property
    def append_head(self) -> bytes:
        """What stands before the base64 of caller audio in its message; it is taken as it is."""
        return b'{"type":"%s","audio":"' % self.append.encode()

    @cached_property
    def append_tail(self) -> bytes:
        return b'"}'

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """What each of the server's messages means, by its `type`."""
        own = dict.fromkeys(self.audio_deltas, Kind.AUDIO_DELTA) | dict.fromkeys(self.greetings, Kind.SESSION_CREATED)
        others = {name: kind for name, kind in KINDS.items() if kind not in (Kind.AUDIO_DELTA, Kind.SESSION_CREATED)}
        return MappingProxyType(others | own)

    @cached_property
    def audio_names(self) -> tuple[bytes, ...]:
        """`audio_deltas`, for the parsers in C."""
        return tuple(name.encode() for name in self.audio_deltas)

    @property
    def truncates(self) -> bool:
        return ClientKind.TRUNCATE.value not in self.unknown

    @property
    def cancels(self) -> bool:
        return ClientKind.CANCEL.value not in self.unknown

    @property
    def deletes_items(self) -> bool:
        return DELETE_ITEM not in self.unknown

    @cached_property
    def given_items(self) -> frozenset[str]:
        """`items`, where any can be created at all."""
        return self.items if CREATE_ITEM not in self.unknown else frozenset()

    def formats(self, side: Side) -> Formats:
        return self.input if side is Side.CAPTURE else self.output

    @property
    def rollover_s(self) -> float | None:
        """After how long another session is to take over; None where the limit is not known."""
        return None if self.session_limit_s is None else left_after_s(self.session_limit_s)
