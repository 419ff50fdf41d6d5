"""What a stream shall be, before there is one, and the parts that it is made of then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import orjson

from .._media import Packetizer, StreamMemory
from ..audio.agent_audio import AgentAudio, AudioFile
from ..audio.audio_format import choose
from ..audio.capture import Capture
from ..audio.outgoing import Outgoing, Transport
from ..audio.playback import Playback, heard_of_kept
from ..conversation.barge_in import BargeIn
from ..conversation.continuity import Continuity
from ..conversation.conversation import Conversation
from ..conversation.interruption import Interruption
from ..conversation.negotiation import Complaints, Negotiation, Side, Wish
from ..conversation.session import Session
from ..conversation.turn import TurnFigures
from ..dialect.choosing import dialect_of
from ..dialect.dialect import Dialect, Shape
from ..later import Later
from ..pilot.barge_in import ConfirmedBargeIn
from ..pilot.event_socket import EventSocketPilot
from ..pilot.observer import Audience, Controls, Observer
from ..realtime.endpoint import EndpointSettings
from ..switch.channel_facts import ChannelFacts
from ..switch.command import Mix, Start
from .piloting import NOBODY, Piloting
from .settings import DEFAULT_MAX_SESSION_S, Restore, Settings

Warn = Callable[[str], None]


@dataclass(frozen=True)
class StreamPlan:
    """`number`: of the stream on its channel's link. `label` names it in the engine's own log."""

    number: int
    start: Start
    settings: Settings
    endpoint: EndpointSettings
    facts: ChannelFacts
    label: str
    needs_connection: bool = False
    """Somebody waits for the stream: it ends where no connection comes up."""
    kept: bytes | None = None
    """What an engine before this one has kept of the stream; None where it begins."""
    away_ms: int = 0
    """How long there was no engine."""
    audio_file: AudioFile | None = None
    """Where the agent's audio goes, if its settings want audio files."""
    piloting: Piloting = NOBODY

    def audience(self, stream: Controls) -> Observer:
        """All who hear of it, the pilot first."""
        audience: list[Observer] = [] if self.piloting.pilot is None else [self.piloting.pilot(stream)]
        audience.append(EventSocketPilot(stream, quiet=self.settings.suppress_log))
        if self.settings.barge_in is BargeIn.CONFIRM and self.start.playback_rate is not None:
            audience.append(ConfirmedBargeIn(stream))
        audience += [make(stream) for make in self.piloting.observers]
        return audience[0] if len(audience) == 1 else Audience(audience)

    def conversation(self, memory: StreamMemory, warn: Warn) -> Conversation | None:
        """None where nothing is restored. What another engine has kept is in it, as far as it was heard."""
        restore = self.settings.restore
        if restore is Restore.OFF or self.settings.raw:
            return None
        items = self.settings.restore_items if restore is Restore.CONVERSATION else None
        plays, dialect = self.start.playback_rate is not None, self.dialects[0]
        if self.piloting.session is not None:
            dialect = replace(dialect, shape=Shape.NESTED)  # pilots write it so, whatever the server speaks

        def anew() -> Conversation:
            made = Conversation(items, plays=plays, dialect=dialect, translates=self.piloting.session is not None)
            if self.piloting.session is not None:
                made.wishes.take_up(self.piloting.session)
            return made

        conversation = anew()
        if self.kept:
            try:
                kept = orjson.loads(self.kept)
                conversation.take_up(kept)
                for heard in heard_of_kept(kept["playing"], memory) if kept["playing"] else ():
                    part = heard.part
                    conversation.cut(part.item_id, part.content_index, heard.heard_samples, heard.received_samples)
            except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError):
                warn("what was kept of the conversation makes no sense: it begins anew")
                return anew()
        return conversation

    def continuity(
        self,
        conversation: Conversation | None,
        later: Later,
        playing: Callable[[], dict[str, Any] | None],
        keep: Callable[[bytes], None],
    ) -> Continuity:
        """See Continuity; what was lost before is counted from when the engine before this one went."""
        lost_ns = time.monotonic_ns() - self.away_ms * 1_000_000
        began = self.kept is None
        return Continuity(conversation, later, playing, keep, lost_ns, began=began, keeps=self.piloting.keeps)

    @cached_property
    def dialects(self) -> tuple[Dialect, ...]:
        """What each of the servers is taken to speak: that of `start`, then those to fail over to."""
        uris = (self.endpoint.uri, *self.endpoint.failover)
        named = (*self.settings.dialects, *(None for _ in uris))
        spoken = [name or dialect_of(uri) for name, uri in zip(named, uris, strict=False)]
        if len(uris) == 1:
            # What there is to restore has names that this server gave, or took, itself.
            spoken = [replace(spoken[0], longest_id=None)]
        return tuple(spoken)

    def max_session_s(self, server: int) -> float:
        """How old a session may get with the server of that number; 0: as old as it likes."""
        wanted = self.settings.max_session_s
        return wanted if wanted is not None else self.dialects[server].rollover_s or DEFAULT_MAX_SESSION_S

    def sessions(self, conversation: Conversation | None, warn: Warn) -> Callable[[int, int], Session]:
        """What makes the session of a number, with the server of a number."""
        raw = self.settings.raw
        plays = self.start.playback_rate is not None
        complaints, interruption = Complaints(warn), Interruption(self.settings.truncate and not raw)
        first = 1 if self.kept is None and self.piloting.session is None else 0

        def make(number: int, server: int) -> Session:
            dialect = self.dialects[server]
            negotiation = Negotiation(self.wishes(), complaints, session=not raw, dialect=dialect)
            return Session(
                number,
                negotiation,
                interruption,
                conversation,
                plays=plays,
                raw=raw,
                restored=number >= first,
                dialect=dialect,
                barge_in=self.settings.barge_in,
            )

        return make

    def wishes(self) -> dict[Side, Wish]:
        """The audio formats that it asks for, in the directions that it has."""
        start, facts, wanted = self.start, self.facts, self.settings.audio_format
        wishes = {}
        if start.send_rate is not None:
            wishes[Side.CAPTURE] = Wish(choose(wanted, facts.read_codec, facts.read_rate), start.send_rate)
        if start.playback_rate is not None:
            wishes[Side.PLAYBACK] = Wish(choose(wanted, facts.write_codec, facts.write_rate), start.playback_rate)
        return wishes

    def audio(
        self, memory: StreamMemory, turns: TurnFigures, warn: Warn, changed: Callable[[], None]
    ) -> AgentAudio | None:
        """None where it plays nothing."""
        if self.start.playback_rate is None:
            return None
        playback = Playback(memory, playback_rate=self.start.playback_rate, write_rate=self.facts.write_rate)
        file = self.audio_file if self.settings.audio_files else None
        raw, sounds = self.settings.raw, self.piloting.sounds
        return AgentAudio(playback, turns, warn, file, changed, raw=raw, sounds=sounds)

    def outgoing(self, packetizer: Packetizer, session: Session, transport: Transport, warn: Warn) -> Outgoing | None:
        """None where it sends nothing."""
        if self.start.send_rate is None:
            return None
        capture = Capture(
            packetizer,
            send_rate=self.start.send_rate,
            channels=2 if self.start.mix is Mix.STEREO else 1,
            message_ms=self.settings.message_ms,
            # Of a recorded stream it is captured with the directions apart.
            two_in_one=self.start.mix is Mix.MIXED,
        )
        return Outgoing(capture, session, transport, warn, raw=self.settings.raw)
