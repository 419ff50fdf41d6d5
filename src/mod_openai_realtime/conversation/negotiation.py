"""Which audio format is in effect with a server: what is asked for, what it says, and when caller audio may flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..audio.audio_format import AudioFormat, Encoding, make_format
from ..dialect.messages import Kind, ServerMessage
from ..limits import MAX_RATES_TOLD, kept_id
from .session_wishes import UPDATE_ID

# Of caller audio: so long the server's word is waited for. It is asked when it greets, and answers a round trip later.
LONGEST_WAIT_MS = 3000
MAX_OUTSTANDING = 16

# The second name of each is that of the protocol's beta, which compatible servers may still speak; those with a rate
# are Azure's.
_ENCODINGS = {
    "audio/pcm": (Encoding.PCM, None),
    "pcm16": (Encoding.PCM, None),
    "pcm16_8000hz": (Encoding.PCM, 8000),
    "pcm16_16000hz": (Encoding.PCM, 16000),
    "audio/pcmu": (Encoding.PCMU, None),
    "g711_ulaw": (Encoding.PCMU, None),
    "audio/pcma": (Encoding.PCMA, None),
    "g711_alaw": (Encoding.PCMA, None),
}
_PCM_RATES = range(8000, 48001, 8000)


class Side(StrEnum):
    """A direction of audio, as the session names it."""

    CAPTURE = "input"
    PLAYBACK = "output"


@dataclass(frozen=True, slots=True)
class Wish:
    """What one direction of a stream shall use; `pcm_rate` (Hz) is for pcm."""

    encoding: Encoding
    pcm_rate: int


@dataclass(frozen=True, slots=True)
class _Update:
    """A `session.update` that the server has not answered yet; `capture` is None where it leaves that format alone."""

    event_id: object
    capture: AudioFormat | None


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

    G.711 is asked for once. Where it is not granted, or not answered (`give_up`), what the server has stated counts, or
    else pcm at the stream's rate.
    """

    def __init__(self, wishes: dict[Side, Wish], complaints: Complaints, *, session: bool) -> None:
        """`wishes` has the directions that the stream has. `session` is False in raw mode: there the wishes count."""
        self._wishes = wishes
        self._complaints = complaints
        self._session = session
        self._application_spoke = False
        self._outstanding: deque[_Update] = deque(maxlen=MAX_OUTSTANDING)
        self._asks = {
            side: wish.encoding for side, wish in wishes.items() if session and wish.encoding is not Encoding.PCM
        }
        self._unasked = bool(self._asks)
        self._effective = {
            side: make_format(Encoding.PCM if session else wish.encoding, wish.pcm_rate)
            for side, wish in wishes.items()
        }

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
        """Caller audio has to wait: the server may be about to take it for another format."""
        if self._unasked:
            return Side.CAPTURE in self._asks
        if not self._outstanding or Side.CAPTURE not in self._effective:
            return False
        return any(update.capture not in (None, self.capture) for update in self._outstanding)

    def server_said(self, message: ServerMessage) -> dict[str, Any] | None:
        """Follow the session; the `session` to ask for now, if any: engine_asks() is to be called with it, or with one
        that has it in it."""
        if not self._session:
            return None
        if message.kind is Kind.ERROR:
            self._refused(message.error.get("event_id"))
        elif message.kind is Kind.SESSION_CREATED or message.kind is Kind.SESSION_UPDATED:
            self._follow(message.fields.get("session"))
            if message.kind is Kind.SESSION_UPDATED and self._outstanding:
                self._outstanding.popleft()
            if self._unasked:
                return self._ask()
            self._settle()
        return None

    def application_sent(self, update: dict[str, Any] | None) -> None:
        """A message of the application goes out, a `session.update` or (None) another: formats that it names are its
        own choice."""
        self._application_spoke = True
        if update is not None and self._session:
            self.prefer(update.get("session"))
            self._await(kept_id(update.get("event_id")), update.get("session"))

    def engine_asks(self, session: dict[str, Any]) -> None:
        """A `session.update` with UPDATE_ID goes out."""
        self._await(UPDATE_ID, session)

    def prefer(self, session: object) -> None:
        """Formats that the application names are its own choice: nothing else is asked for."""
        for side in Side:
            if _stated(session, side) is not None:
                self._asks.pop(side, None)
        self._unasked = self._unasked and bool(self._asks)

    def _await(self, event_id: object, session: object) -> None:
        capture = _stated(session, Side.CAPTURE) if Side.CAPTURE in self._effective else None
        meant = self._meant(Side.CAPTURE, *capture) if capture is not None else None
        self._outstanding.append(_Update(event_id, meant))

    def give_up(self) -> None:
        """The server has not answered for too long: what it has stated so far counts."""
        self._unasked = False
        self._outstanding.clear()
        self._settle()

    def _follow(self, session: object) -> None:
        for side, wish in self._wishes.items():
            stated = _stated(session, side)
            if stated is None:
                continue
            encoding, rate = stated
            meant = self._meant(side, encoding, rate)
            if encoding is Encoding.PCM and rate is not None:
                states = f"the server states pcm at {rate} Hz for its {side},"
                if rate != meant.rate:
                    self._complaints.rate(side, rate, f"{states} which no stream can use; {meant.rate} Hz stays in use")
                elif wish.encoding is Encoding.PCM and meant != (now := self._effective[side]):
                    self._complaints.rate(side, rate, f"{states} and is followed; it was {now.rate} Hz")
            self._effective[side] = meant

    def _meant(self, side: Side, encoding: Encoding, rate: int | None) -> AudioFormat:
        """The format of that name; without a rate (Hz) that a stream can use, pcm keeps the one it has."""
        if rate is None or rate not in _PCM_RATES:
            now = self._effective[side]
            rate = now.rate if now.encoding is Encoding.PCM else self._wishes[side].pcm_rate
        return make_format(encoding, rate)

    def _ask(self) -> dict[str, Any] | None:
        self._unasked = False
        missing = {side: law for side, law in self._asks.items() if self._effective[side].encoding is not law}
        if not missing:
            return None
        audio = {side.value: {"format": {"type": f"audio/{law}"}} for side, law in missing.items()}
        return {"type": "realtime", "audio": audio}

    def _refused(self, event_id: object) -> None:
        for update in self._outstanding:
            # An error without an id is about our update only where there is nothing else it could be about.
            if update.event_id == event_id or (event_id is None and not self._application_spoke):
                self._outstanding.remove(update)
                self._settle()
                return

    def _settle(self) -> None:
        """Say so, if the answer to what was asked is another format."""
        if any(update.event_id == UPDATE_ID for update in self._outstanding):
            return
        for side, law in self._asks.items():
            now = self._effective[side]
            if now.encoding is not law:
                text = f"the server does not agree to audio/{law}; {now.encoding} at {now.rate} Hz is used"
                self._complaints.refusal(text)
                return


def _stated(session: object, side: Side) -> tuple[Encoding, int | None] | None:
    """The encoding that a session names for a direction, and its rate in Hz if it states one."""
    if not isinstance(session, dict):
        return None
    name, rate = session.get(f"{side.value}_audio_format"), session.get(f"{side.value}_audio_sampling_rate")
    audio = session.get("audio")
    half = audio.get(side.value) if isinstance(audio, dict) else None
    stated = half.get("format") if isinstance(half, dict) else None
    if isinstance(stated, dict):
        name, rate = stated.get("type"), stated.get("rate")
    known = _ENCODINGS.get(name) if isinstance(name, str) else None
    if known is None:
        return None
    encoding, named_rate = known
    return encoding, rate if type(rate) is int else named_rate
