"""Which audio format is in effect with a server: what is asked for, what it says, and when caller audio may flow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..audio.audio_format import AudioFormat, Encoding, Side, make_format
from ..dialect.dialect import Dialect, Gate
from ..dialect.messages import Kind, ServerMessage
from ..dialect.profiles import OPENAI
from ..dialect.session_formats import asking_session, stated_format, typed
from ..limits import MAX_RATES_TOLD, kept_id
from .session_wishes import UPDATE_ID, merged, refused_update

__all__ = ["LONGEST_WAIT_MS", "Complaints", "Negotiation", "Side", "Wish"]

# Of caller audio: so long the server's word is waited for. It is asked when it greets, and answers a round trip later.
LONGEST_WAIT_MS = 3000
MAX_OUTSTANDING = 16

_PCM_RATES = range(8000, 48001, 8000)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one direction of a stream shall use; `pcm_rate` (Hz) is for pcm."""

    encoding: Encoding
    pcm_rate: int


@dataclass(frozen=True, slots=True)
class _Update:
    """A `session.update` that the server has not answered yet; `capture` is None where it leaves that format alone.
    `configures`: it asks for more than the engine's own formats."""

    event_id: object
    capture: AudioFormat | None
    configures: bool


class Complaints:
    """What of a server's formats was told in a stream's life, so that it is told once: that one is not granted, and of
    the first MAX_RATES_TOLD rates that are not the stream's."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._rates: set[tuple[Side, int]] = set()
        self._refusal_told = False

    def rate(self, side: Side, rate: int, text: str) -> None:
        if (side, rate) not in self._rates and len(self._rates) < MAX_RATES_TOLD:
            self._rates.add((side, rate))
            self._warn(text)

    def refusal(self, text: str) -> None:
        if not self._refusal_told:
            self._refusal_told = True
            self._warn(text)


class Negotiation:
    """Of one session; sans-I/O. Its formats are what the server states in `session.created` and `session.updated`; a
    format that is only wished for is not used. The application's own updates are followed, and go before the wishes.

    A format is asked for once: G.711, and a rate where the dialect leaves a choice. Where it is not granted, or not
    answered (`give_up`), what the server has stated counts, or else pcm at the rate that the dialect has for that.
    """

    def __init__(
        self, wishes: dict[Side, Wish], complaints: Complaints, *, session: bool, dialect: Dialect = OPENAI
    ) -> None:
        """`wishes` has the directions that the stream has. `session` is False in raw mode: there the wishes count."""
        self._wishes = wishes
        self._complaints = complaints
        self._session = session
        self._dialect = dialect
        self._application_spoke = False
        self._application_asked = False
        self._outstanding: list[_Update] = []
        self._effective = {side: self._begin_with(side, wish) for side, wish in wishes.items()}
        gated = session and dialect.gate is not Gate.OPEN
        self._shut = gated and Side.CAPTURE in wishes
        self._asks: dict[Side, AudioFormat] = {}
        if session:
            wanted = {side: self._wanted(side, wish) for side, wish in wishes.items()}
            # Where it has to be asked something anyway, nothing is left to what the server takes for granted.
            explicit = dialect.gate is Gate.UPDATED
            self._asks = {side: each for side, each in wanted.items() if explicit or each != self._effective[side]}
        self._unasked = bool(self._asks) or (session and bool(dialect.session))

    def _begin_with(self, side: Side, wish: Wish) -> AudioFormat:
        """What is in effect while the server has stated nothing."""
        if not self._session:
            return make_format(wish.encoding, wish.pcm_rate)
        return make_format(Encoding.PCM, self._dialect.formats(side).unstated_rate or wish.pcm_rate)

    def _wanted(self, side: Side, wish: Wish) -> AudioFormat:
        """The nearest that the dialect has to a wish."""
        known = self._dialect.formats(side)
        if known.takes(wish.encoding):
            return make_format(wish.encoding, known.pcm_rate(wish.pcm_rate))
        wanted = make_format(Encoding.PCM, known.pcm_rate(wish.pcm_rate))
        text = f"{self._dialect.name} takes no audio/{wish.encoding} for its {side}; pcm at {wanted.rate} Hz is used"
        self._complaints.refusal(text)
        return wanted

    @property
    def capture(self) -> AudioFormat:
        """In effect, for caller audio. Raises KeyError where the stream has no capture."""
        return self._effective[Side.CAPTURE]

    @property
    def playback(self) -> AudioFormat:
        """In effect, for agent audio. Raises KeyError where the stream has no playback."""
        return self._effective[Side.PLAYBACK]

    @property
    def waiting(self) -> bool:
        """Caller audio has to wait: the server is not ready for it, or may be about to take it for another format."""
        if self._shut:
            return True
        if self._unasked:
            return Side.CAPTURE in self._asks
        if not self._outstanding or Side.CAPTURE not in self._effective:
            return False
        return any(update.capture not in (None, self.capture) for update in self._outstanding)

    @property
    def all_answered(self) -> bool:
        """Of the `session.update`s that have gone out."""
        return not self._outstanding

    @property
    def longest_wait_ms(self) -> float:
        """After so long it is to be told to give_up()."""
        if not self._shut:
            return LONGEST_WAIT_MS
        return math.inf if self._dialect.gate_wait_ms is None else self._dialect.gate_wait_ms

    def opening(self) -> dict[str, Any] | None:
        """The same as server_said() for a server that says nothing before it was asked something."""
        return self._ask() if self._unasked else None

    def server_said(self, message: ServerMessage) -> dict[str, Any] | None:
        """Follow the session; the `session` to ask for now, if any: engine_asks() is to be called with it, or with one
        that has it in it."""
        if not self._session:
            return None
        if message.kind is Kind.ERROR:
            self._refused(message.error)
        elif message.kind is Kind.SESSION_CREATED or message.kind is Kind.SESSION_UPDATED:
            updated = message.kind is Kind.SESSION_UPDATED
            answered = self._outstanding.pop(0) if updated and self._outstanding else None
            if updated and (self._dialect.gate is not Gate.CONFIGURED or answered is None or answered.configures):
                self._shut = False
            self._follow(message.fields.get("session"), ours=answered is not None and answered.event_id == UPDATE_ID)
            if self._unasked:
                return self._ask()
            self._settle()
        return None

    def application_sent(self, update: dict[str, Any] | None) -> None:
        """A message of the application goes out, a `session.update` or (None) another: formats that it names are its
        own choice."""
        self._application_spoke = True
        if update is not None and self._session:
            self._application_asked = True
            self.prefer(update.get("session"))
            self._await(kept_id(update.get("event_id")), update.get("session"), configures=True)

    def engine_asks(self, session: dict[str, Any]) -> None:
        """A `session.update` with UPDATE_ID goes out."""
        formats = asking_session(self._dialect, self._asks)
        self._await(UPDATE_ID, session, configures=not session.keys() <= formats.keys())

    def prefer(self, session: object) -> None:
        """Formats that the application names are its own choice: nothing else is asked for."""
        for side in Side:
            if stated_format(session, side) is not None:
                self._asks.pop(side, None)
        self._unasked = self._unasked and bool(self._asks or self._dialect.session)

    def _await(self, event_id: object, session: object, *, configures: bool) -> None:
        capture = stated_format(session, Side.CAPTURE) if Side.CAPTURE in self._effective else None
        meant = self._meant(Side.CAPTURE, *capture) if capture is not None else None
        self._outstanding.append(_Update(event_id, meant, configures))
        del self._outstanding[:-MAX_OUTSTANDING]

    def give_up(self) -> None:
        """The server has not answered for too long: what it has stated so far counts."""
        self._unasked = self._shut = False
        self._outstanding.clear()
        self._settle()

    def _follow(self, session: object, *, ours: bool) -> None:
        """`ours`: it answers what the engine asked for."""
        for side, wish in self._wishes.items():
            stated = stated_format(session, side)
            asked = self._asks.get(side) if ours and self._is_asked_for(side) else None
            if asked is not None and (stated is None or stated == (asked.encoding, None)):
                # It agrees, and doesn't repeat it, or not the rate.
                self._effective[side] = asked
            if stated is None:
                continue
            encoding, rate = stated
            meant = self._meant(side, encoding, rate)
            if encoding is Encoding.PCM and rate is not None:
                states = f"the server states pcm at {rate} Hz for its {side},"
                if rate != meant.rate:
                    self._complaints.rate(side, rate, f"{states} which no stream can use; {meant.rate} Hz stays in use")
                elif asked is not None and asked.encoding is Encoding.PCM and meant != asked:
                    self._complaints.rate(side, rate, f"{states} and is followed; {asked.rate} Hz was asked for")
                elif wish.encoding is Encoding.PCM and meant not in (self._effective[side], self._asks.get(side)):
                    now = self._effective[side]
                    self._complaints.rate(side, rate, f"{states} and is followed; it was {now.rate} Hz")
            self._effective[side] = meant

    def _is_asked_for(self, side: Side) -> bool:
        """A server of this kind is known to know the format that is asked for."""
        return self._dialect.gate is Gate.UPDATED or bool(self._dialect.formats(side).rates)

    def _meant(self, side: Side, encoding: Encoding, rate: int | None) -> AudioFormat:
        """The format of that name; without a rate (Hz) that a stream can use, pcm keeps the one it has."""
        if rate is None or rate not in _PCM_RATES:
            now = self._effective[side]
            rate = now.rate if now.encoding is Encoding.PCM else self._begin_with(side, self._wishes[side]).rate
        return make_format(encoding, rate)

    def _ask(self) -> dict[str, Any] | None:
        self._unasked = False
        explicit = self._dialect.gate is Gate.UPDATED
        missing = {side: each for side, each in self._asks.items() if explicit or self._effective[side] != each}
        session = asking_session(self._dialect, missing)
        if self._dialect.session and not self._application_asked:
            session = merged(typed(self._dialect, dict(self._dialect.session)), session)
        return session or None

    def _refused(self, error: dict[str, Any]) -> None:
        at = refused_update(error, [update.event_id for update in self._outstanding])
        if at is None and error.get("event_id") is None and not self._application_spoke and self._outstanding:
            at = 0  # there is nothing else that it could be about
        if at is not None:
            del self._outstanding[at]
            self._settle()

    def _settle(self) -> None:
        """Say so, if the answer to what was asked is another format."""
        if any(update.event_id == UPDATE_ID for update in self._outstanding):
            return
        for side, asked in self._asks.items():
            now = self._effective[side]
            if asked.encoding is not Encoding.PCM and now.encoding is not asked.encoding:
                text = f"the server does not agree to audio/{asked.encoding}; {now.encoding} at {now.rate} Hz is used"
                self._complaints.refusal(text)
