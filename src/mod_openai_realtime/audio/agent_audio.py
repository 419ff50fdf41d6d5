"""Agent audio from the server's messages into the playback: whole samples, in its format, of the part that it is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .._media import g711_decode
from ..conversation.effects import EVERYTHING, Play, Which
from ..conversation.session import PartName, Session
from ..conversation.turn import Played, TurnFigures
from ..dialect.messages import ServerMessage, decode_strictly
from ..realtime.receiving import TakeAudio
from .audio_format import AudioFormat
from .heard import ItemPart
from .own_sounds import OwnSounds
from .playback import Playback
from .utterance import Speech, Utterance

MakeSounds = Callable[[Playback, Callable[[], None]], OwnSounds]

AudioFile = Callable[[bytes, int, ServerMessage | None], None]
"""Keeps pcm16, at a rate in Hz, that came with a message."""


MAX_CONTENT_INDEX = 1 << 30  # of a part that passes by Python; larger ones are no server's


@dataclass(frozen=True, slots=True)
class _Part:
    """What audio belongs to that came last, and its format."""

    name: PartName
    session: int
    wire: AudioFormat
    item: ItemPart | None


class AgentAudio:
    """Carries out what understanding.py decides about audio. Knows the part that came last, over all sessions."""

    def __init__(
        self,
        playback: Playback,
        turns: TurnFigures,
        warn: Callable[[str], None],
        file: AudioFile | None,
        changed: Callable[[], None],
        *,
        raw: bool,
        sounds: MakeSounds | None = None,
    ) -> None:
        """`file`: None where no audio files are written; `sounds`: None where nobody plays any of their own, and
        `changed` is called when one has been queued."""
        self.playback = playback
        self.sounds = sounds(playback, changed) if sounds is not None else None
        self._plain = not raw and file is None  # files want the whole message
        self._turns = turns
        self._warn = warn
        self._file = file
        self._part: _Part | None = None
        self._half = b""  # the first byte of a sample that two messages of that part share
        self._full = False  # the queue is full
        self._told_full = False  # since it was last no more than half full

    @property
    def take_audio(self) -> TakeAudio | None:
        """Takes the audio of a message that is of no other consequence, before anything else looks at it."""
        return self.playback.playout.feed_message if self._plain else None

    def look(self, session: Session) -> None:
        """What else is plainly of the part that came last changes nothing but the queue: the playout takes it. To be
        asked after whatever may have changed that."""
        if self.sounds is not None:
            self.sounds.look()
        part, playout = self._part, self.playback.playout
        if part is not None and self._goes_on(part, session):
            response, item, index = part.name
            names, most = session.dialect.audio_names, self.playback.most_queued
            playout.set_part(decode_strictly, names, response, item, index, most, part.wire.law)
        else:
            playout.clear_part()

    def _goes_on(self, part: _Part, session: Session) -> bool:
        return (
            self._plain
            and 0 <= part.name[2] <= MAX_CONTENT_INDEX
            and not self._half
            and not self._full
            and part.session == session.number
            and self.playback.is_open(part.name[0], part.item)
            and session.responses.is_playing(part.name[0])
            and part.wire == session.negotiation.playback
        )

    def play(self, play: Play, session: Session, now_ns: int) -> None:
        """Raises LimitExceededError."""
        part, wire = self._part, session.negotiation.playback
        if (
            part is None
            or part.name != play.name
            or part.session != session.number
            or part.wire != wire
            or not self.playback.is_open(play.name[0], part.item)
        ):
            part = self._begin(play.name, wire, session, now_ns)
        pcm = self._samples(play.audio, wire.law)
        if pcm:
            self._queue(pcm, part, play)

    def forget_half(self) -> None:
        self._half = b""

    def end(self) -> None:
        self.playback.finish()

    def silence(self, which: Which, *, tell: bool) -> list[Speech]:
        def chosen(utterance: Utterance) -> bool:
            return (
                (which.session is None or utterance.session == which.session)
                and (which.responses is None or utterance.response in which.responses)
                and (utterance.interruptible or not which.interruptible)
            )

        if which is EVERYTHING and self.sounds is not None:
            self.sounds.silence()
        return self.playback.barge_in(None if which is EVERYTHING else chosen, tell=tell)

    def was_own(self, played: Played) -> bool:
        """Whether it was such a sound that is over; who played it has been told."""
        return self.sounds is not None and self.sounds.played(played)

    def end_sounds(self) -> None:
        if self.sounds is not None:
            self.sounds.end()

    @property
    def sounding(self) -> bool:
        """Something is to be heard, now or after it, or was cut short, and it is not known yet how much was heard."""
        playback = self.playback
        return not playback.idle or playback.cutting or (self.sounds is not None and self.sounds.waiting)

    def begin_session(self, number: int) -> None:
        """What was received plays on; of what was not, nothing comes."""
        self.playback.begin_session(number)

    def _begin(self, name: PartName, wire: AudioFormat, session: Session, now_ns: int) -> _Part:
        """The audio that comes next is of another response or part, or in another format."""
        response, item, index = name
        self.playback.set_rate(wire.rate)
        before = self._part
        if before is None or (name, session.number) != (before.name, before.session):
            self._half = b""
        item_part = ItemPart(item, index, session.number) if item is not None else None
        self._turns.delta(session.number, session.clock, response, item, now_ns)
        self._part = _Part(name, session.number, wire, item_part)
        return self._part

    def _samples(self, audio: bytes, law: str | None) -> bytes:
        """Whole samples of pcm16, the first byte of which may have come with the message before."""
        if law is not None:
            self._half = b""
            return g711_decode(audio, law)
        if not self._half and not len(audio) & 1:
            return audio
        pcm = self._half + audio
        self._half = pcm[len(pcm) & ~1 :]
        return pcm[:-1] if self._half else pcm

    def _queue(self, pcm: bytes, part: _Part, play: Play) -> None:
        playback = self.playback
        if playback.feed(pcm, part.name[0], part.item, interruptible=play.interruptible):
            self._full = False
            self._told_full = self._told_full and not playback.is_half_empty
            if self._file is not None:
                self._file(pcm, playback.rate, play.message)
        else:
            self._half = b""
            self._full = True
            if not self._told_full:
                self._told_full = True
                self._warn("too much audio is waiting to be played: the newest is dropped")
