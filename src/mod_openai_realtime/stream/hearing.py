"""What becomes of the agent's voice in the caller's ear, and who is told of it."""

from __future__ import annotations

from typing import Protocol

from ..audio.agent_audio import AgentAudio
from ..audio.utterance import Speech
from ..conversation.continuity import Continuity
from ..conversation.turn import TurnFigures
from ..conversation.understanding import cut_short
from ..observe.summary import Summary
from ..pilot.observer import Observer
from .dialogue import Dialogue


class Speaker(Protocol):
    """The stream."""

    def say(self, events: list[Speech], /) -> None:
        """Speech has begun or ended in the caller's ear."""

    def send(self, payload: bytes, /) -> None:
        """The server is told."""


class Hearing:
    """Of a stream that plays."""

    def __init__(
        self,
        audio: AgentAudio,
        turns: TurnFigures,
        dialogue: Dialogue,
        speaker: Speaker,
        pilot: Observer,
        summary: Summary,
        continuity: Continuity,
    ) -> None:
        self._audio = audio
        self._turns = turns
        self._dialogue = dialogue
        self._speaker = speaker
        self._pilot = pilot
        self._summary = summary
        self._continuity = continuity

    def tick(self) -> None:
        """The playback is looked at; from the media clock."""
        playback, session = self._audio.playback, self._dialogue.session
        events = playback.tick()
        if events:
            self._speaker.say(events)
        for heard in playback.interrupted():
            message = session.interruption.truncate(heard, playback.rate, session.number)
            if message is not None:
                self._speaker.send(message)
        for cut in playback.cut_short():
            for message in cut_short(session, cut):
                self._speaker.send(message)
            self._continuity.look()
        self._tell_turns()
        self._pilot.played_on()

    def finish(self) -> None:
        """The stream is over: what is known by now of its last words is all that will be."""
        while self._audio.playback.cutting:
            self._audio.playback.interrupted(final=True)
        self._tell_turns()
        self._audio.end_sounds()

    def _tell_turns(self) -> None:
        session = self._dialogue.session
        for played in self._audio.playback.played():
            if self._audio.was_own(played):
                continue
            told = session.interruption.acknowledge(session.dialect, played, session.number)
            if told is not None:
                self._speaker.send(told)
            turn = self._turns.played(played)
            if turn is not None:
                self._summary.turn(turn["latency_ms"]["speech_end_to_first_sample"])
                self._pilot.turn(turn)
