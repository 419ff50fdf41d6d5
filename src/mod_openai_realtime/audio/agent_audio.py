"""Agent audio from the server's messages into the playback: whole samples, in its format, of the part that it is of."""

from __future__ import annotations

from collections.abc import Callable

from .._media import StreamMemory, g711_decode
from ..conversation.effects import EVERYTHING, Play, Which
from ..conversation.session import PartName, Session
from ..conversation.turn import Played, Turns
from ..dialect.messages import ServerMessage, decode_strictly
from ..realtime.receiving import TakeAudio
from .heard import ItemPart
from .own_sounds import OwnSounds
from .playback import Playback, Speech, Utterance

MakeSounds = Callable[[Playback, Callable[[], None]], OwnSounds]

AudioFile = Callable[[bytes, int, ServerMessage | None], None]
"""Keeps pcm16, at a rate in Hz, that came with a message."""


class AgentAudio:
    """Carries out what understanding.py decides about audio. Knows the part that came last, over all sessions."""

    def __init__(
        self,
        memory: StreamMemory,
        playback: Playback,
        turns: Turns,
        warn: Callable[[str], None],
        file: AudioFile | None,
        *,
        raw: bool,
        sounds: MakeSounds | None = None,
    ) -> None:
        """`file`: None where no audio files are written; `sounds`: None where nobody plays any of their own."""
        self.playback = playback
        self.sounds = sounds(playback, self.wake) if sounds is not None else None
        self.plain = not raw and file is None  # files want the whole message
        self._memory = memory
        self._turns = turns
        self._warn = warn
        self._file = file
        self._name: PartName | None = None
        self._session = 0
        self._part: ItemPart | None = None
        self._law: str | None = None
        self._half = b""  # the first byte of a sample that two messages of that part share
        self._full = False  # the queue is full, and that was said

    @property
    def take_audio(self) -> TakeAudio | None:
        """Takes the audio of a message that is of no other consequence, before anything else looks at it."""
        return self.playback.playout.feed_message if self.plain else None

    def play(self, play: Play, session: Session, now_ns: int) -> None:
        """Raises LimitExceededError."""
        playback = self.playback
        if play.begins:
            self._begin(play.name, session, now_ns)
        pcm = self._samples(play.audio)
        response, item, index = play.name
        if pcm:
            self._queue(pcm, play)
        if self.plain and play.message is None and self._law is None and not self._half and not self._full:
            # What else is plainly of this part changes nothing but the queue.
            playback.follow(decode_strictly, session.dialect.audio_names, response, item, index)
        else:
            playback.unfollow()

    def depart(self) -> None:
        self.playback.unfollow()

    def forget_half(self) -> None:
        self._half = b""

    def end(self) -> None:
        self.playback.finish()
        self.wake()

    def silence(self, which: Which, *, tell: bool) -> list[Speech]:
        def chosen(utterance: Utterance) -> bool:
            return (
                (which.session is None or utterance.session == which.session)
                and (which.responses is None or utterance.response in which.responses)
                and (utterance.interruptible or not which.interruptible)
            )

        if which is EVERYTHING and self.sounds is not None:
            self.sounds.silence()
        events = self.playback.barge_in(None if which is EVERYTHING else chosen, tell=tell)
        self.wake()
        return events

    def sound(self) -> None:
        """A sound that waits is queued, where it may be."""
        if self.sounds is not None:
            self.sounds.look()

    def was_own(self, played: Played) -> bool:
        """Whether it was such a sound that is over; who played it has been told."""
        return self.sounds is not None and self.sounds.played(played)

    def end_sounds(self) -> None:
        if self.sounds is not None:
            self.sounds.end()

    @property
    def sounding(self) -> bool:
        """Something is to be heard, now or after it."""
        return not self.playback.idle or (self.sounds is not None and self.sounds.waiting)

    def begin_session(self, number: int) -> None:
        """What was received plays on; of what was not, nothing comes."""
        self.playback.unfollow()
        self.playback.begin_session(number)
        self.wake()

    def wake(self) -> None:
        """Playback has changed: look at it on the next tick."""
        self._memory.watch(0, 0)

    def watch(self) -> None:
        """Playback has been looked at: again when it is due."""
        self._memory.watch(*self.playback.next_due())

    def _begin(self, name: PartName, session: Session, now_ns: int) -> None:
        """The audio that comes next is of another response or part, or in another format."""
        wire = session.negotiation.playback
        response, item, index = name
        self.playback.set_rate(wire.rate)
        self._law = wire.law
        if (name, session.number) != (self._name, self._session):
            self._name, self._session, self._half = name, session.number, b""
            self._part = ItemPart(item, index, session.number) if item is not None else None
        self._turns.delta(session.number, session.clock, response, item, now_ns)

    def _samples(self, audio: bytes) -> bytes:
        """Whole samples of pcm16, the first byte of which may have come with the message before."""
        if self._law is not None:
            self._half = b""
            return g711_decode(audio, self._law)
        if not self._half and not len(audio) & 1:
            return audio
        pcm = self._half + audio
        self._half = pcm[len(pcm) & ~1 :]
        return pcm[:-1] if self._half else pcm

    def _queue(self, pcm: bytes, play: Play) -> None:
        playback = self.playback
        if playback.feed(pcm, play.name[0], self._part, interruptible=play.interruptible):
            self._full = False
            if play.begins:
                self.watch()
            if self._file is not None:
                self._file(pcm, playback.rate, play.message)
        else:
            self._half = b""
            if not self._full:
                self._full = True
                self._warn("too much audio is waiting to be played: the newest is dropped")
