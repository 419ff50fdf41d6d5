"""Which audio format is in effect with a server: what is asked for, what it says, and when caller audio may flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from ..realtime.messages import Kind, ServerMessage
from .audio_format import AudioFormat, Encoding, make_format

UPDATE = "session.update"
EVENT_ID = "engine_audio_format"
# Of caller audio: so long the server's word is waited for. It is asked when it greets, and answers a round trip later.
LONGEST_WAIT_MS = 3000
MAX_OUTSTANDING = 16

# The second name of each is that of the protocol's beta, which compatible servers may still speak.
_ENCODINGS = {
    "audio/pcm": Encoding.PCM,
    "pcm16": Encoding.PCM,
    "audio/pcmu": Encoding.PCMU,
    "g711_ulaw": Encoding.PCMU,
    "audio/pcma": Encoding.PCMA,
    "g711_alaw": Encoding.PCMA,
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
    capture: Encoding | None


class Negotiation:
    """Sans-I/O. The session's formats are what the server states in `session.created` and `session.updated`; a format
    that is only wished for is not used. The application's own updates are followed, and go before the wishes.

    G.711 is asked for once a connection. Where it is not granted, or not answered (`give_up`), what the server has
    stated counts, or else pcm at the stream's rate; `warn` is told, once in the stream's life.
    """

    def __init__(self, wishes: dict[Side, Wish], warn: Callable[[str], None], *, session: bool) -> None:
        """`wishes` has the directions that the stream has. `session` is False in raw mode: there the wishes count."""
        self._wishes = wishes
        self._warn = warn
        self._session = session
        self._warned = False
        self._asks: dict[Side, Encoding] = {}
        self._unasked = False
        self._application_spoke = False
        self._outstanding: deque[_Update] = deque(maxlen=MAX_OUTSTANDING)
        self._effective: dict[Side, AudioFormat] = {}
        self.connected()

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
        now = self.capture.encoding
        return any(update.capture not in (None, now) for update in self._outstanding)

    def connected(self) -> None:
        """A new connection: the server knows nothing yet."""
        self._outstanding.clear()
        self._application_spoke = False
        if not self._session:
            self._effective = {side: make_format(wish.encoding, wish.pcm_rate) for side, wish in self._wishes.items()}
            return
        self._effective = {side: make_format(Encoding.PCM, wish.pcm_rate) for side, wish in self._wishes.items()}
        self._asks = {side: wish.encoding for side, wish in self._wishes.items() if wish.encoding is not Encoding.PCM}
        self._unasked = bool(self._asks)

    def server_said(self, message: ServerMessage) -> bytes | None:
        """Follow the session; the message to send now, if any."""
        if not self._session:
            return None
        if message.kind is Kind.ERROR:
            self._refused(message.fields.get("error"))
        elif message.kind is Kind.SESSION_CREATED or message.kind is Kind.SESSION_UPDATED:
            self._follow(message.fields.get("session"))
            if message.kind is Kind.SESSION_UPDATED and self._outstanding:
                self._outstanding.popleft()
            if self._unasked:
                return self._ask()
            self._settle()
        return None

    def application_sent(self, payload: bytes) -> None:
        """A message of the application goes out: formats that it names are its own choice."""
        self._application_spoke = True
        if not self._session or UPDATE.encode() not in payload:
            return
        try:
            message = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return  # nested too deeply for the parser: no update that a server takes
        if not isinstance(message, dict) or message.get("type") != UPDATE:
            return
        named = {side: found[0] for side in Side if (found := _stated(message.get("session"), side)) is not None}
        for side in named:
            self._asks.pop(side, None)
        self._unasked = self._unasked and bool(self._asks)
        self._outstanding.append(_Update(message.get("event_id"), named.get(Side.CAPTURE)))

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
            # The rates of `start` are the user's word on pcm, unless it is not pcm that was meant to be used.
            follows = wish.encoding is not Encoding.PCM and rate in _PCM_RATES
            self._effective[side] = make_format(encoding, rate if follows else wish.pcm_rate)

    def _ask(self) -> bytes | None:
        self._unasked = False
        missing = {side: law for side, law in self._asks.items() if self._effective[side].encoding is not law}
        if not missing:
            return None
        self._outstanding.append(_Update(EVENT_ID, missing.get(Side.CAPTURE)))
        audio = {side.value: {"format": {"type": f"audio/{law}"}} for side, law in missing.items()}
        return orjson.dumps({"type": UPDATE, "event_id": EVENT_ID, "session": {"type": "realtime", "audio": audio}})

    def _refused(self, error: object) -> None:
        event_id = error.get("event_id") if isinstance(error, dict) else None
        for update in self._outstanding:
            # An error without an id is about our update only where there is nothing else it could be about.
            if update.event_id == event_id or (event_id is None and not self._application_spoke):
                self._outstanding.remove(update)
                self._settle()
                return

    def _settle(self) -> None:
        """Say so, if the answer to what was asked is another format."""
        if self._warned or any(update.event_id == EVENT_ID for update in self._outstanding):
            return
        for side, law in self._asks.items():
            now = self._effective[side]
            if now.encoding is not law:
                self._warned = True
                self._warn(f"the server does not agree to audio/{law}; {now.encoding} at {now.rate} Hz is used")
                return


def _stated(session: object, side: Side) -> tuple[Encoding, int] | None:
    """The encoding that a session names for a direction, and its rate in Hz (0 for none told)."""
    name: Any = None
    rate: Any = 0
    if isinstance(session, dict):
        name = session.get(f"{side.value}_audio_format")
        audio = session.get("audio")
        half = audio.get(side.value) if isinstance(audio, dict) else None
        stated = half.get("format") if isinstance(half, dict) else None
        if isinstance(stated, dict):
            name, rate = stated.get("type"), stated.get("rate")
    encoding = _ENCODINGS.get(name) if isinstance(name, str) else None
    return (encoding, rate if type(rate) is int else 0) if encoding is not None else None
