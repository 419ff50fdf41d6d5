"""One stream: a channel's audio and a WebSocket, held together by what the server's messages and the commands mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from .._media import Packetizer, Playout, StreamMemory
from ..audio.caller_voice import CallerVoice
from ..audio.control import Control
from ..audio.own_sounds import SoundPlayed
from ..audio.playback import NEVER, Playback
from ..audio.recording import Recording
from ..audio.utterance import Speech
from ..conversation.barge_in import BargeIn
from ..conversation.restoration import Outcome
from ..conversation.turn import TurnFigures
from ..dialect.client_messages import client_message, is_for_player
from ..later import Later
from ..limits import LimitExceededError
from ..observe.summary import Summary
from ..observe.usage import Usage
from ..realtime.endpoint import Endpoint, EndpointListener, EndpointSettings
from ..realtime.receiving import TakeAudio
from ..switch import reasons
from ..switch.command import MuteTarget
from ..switch.log_level import LOG_WARNING
from ..switch.refusal import CommandRefusedError
from ..weakly import weak, weakly
from .connections import Connections
from .dialogue import Dialogue
from .first_connection import FirstConnection
from .hearing import Hearing
from .line import Line
from .outbound import Outbound
from .reports import Reports
from .restraints import Restraints
from .state import EndReason, State, StateMachine
from .stream_owner import StreamOwner
from .stream_plan import StreamPlan

MakeEndpoint = Callable[[EndpointSettings, EndpointListener], Endpoint]


class Stream:
    """Everything happens on the event loop: commands, server messages and ticks never overlap."""

    def __init__(
        self,
        plan: StreamPlan,
        memory: StreamMemory,
        owner: StreamOwner,
        make_endpoint: MakeEndpoint,
        usage: Usage | None = None,
        recording: Recording | None = None,
    ) -> None:
        """`usage` is what this stream's is a part of."""
        start, settings = plan.start, plan.settings
        self.number = plan.number
        self.name = start.stream
        self.direction = start.direction
        self.memory = memory
        self.failure: str | None = None  # why it ended, where it never connected
        self._plan = plan
        self._owner = owner
        self._recording = recording
        self._first_connection = FirstConnection(settings.connect_timeout_s) if plan.needs_connection else None
        self._machine = StateMachine(plan.label)
        self._mask = plan.endpoint.mask
        self._summary = Summary(Usage(usage), time.monotonic_ns(), memory.underruns)
        self._turns = TurnFigures()
        warn = weakly(self.warn)
        self._reports = Reports(settings, self._mask, self._summary, owner.later, warn)
        this = weak(self)
        self._pilot = plan.audience(this)
        # Before playback begins anew: it tells how far another engine's came.
        conversation = plan.conversation(memory, warn)
        self._continuity = plan.continuity(conversation, owner.later, lambda: this.playing, weakly(self._keep))
        self._audio = plan.audio(memory, self._turns, warn, weakly(self.look))
        sessions = plan.sessions(conversation, warn)
        self._dialogue = Dialogue(sessions, self._audio, self._reports, self._pilot, this, owner.later)
        self._hearing = None
        if self._audio is not None:
            told = self._pilot, self._summary, self._continuity
            self._hearing = Hearing(self._audio, self._turns, self._dialogue, this, *told)
        self._endpoint = Line(make_endpoint(plan.endpoint, self))
        self._outbound = Outbound(self._endpoint, owner.later, weakly(self._end_connection))
        self.packetizer = Packetizer(memory, recording is not None)
        if recording is not None:
            recording.begin(self.packetizer)
        self._outgoing = plan.outgoing(self.packetizer, self._dialogue.session, self._endpoint, warn)
        self._connections = Connections(
            self._endpoint,
            self._dialogue,
            self._outgoing,
            self._continuity,
            self._pilot,
            self._reports,
            self._summary,
            self._mask,
            lambda: this._restraints.caller_is_wanted,
        )
        if settings.reconnect:
            make = partial(make_endpoint, plan.endpoint)
            self._connections.roll_over(make, owner.later, plan.max_session_s, late=settings.restores)
        self._restraints = Restraints(memory, self._outgoing, self._playback, self._turns)
        if start.mute_user:
            self._restraints.set(Control.CAPTURE_MUTED, True)
        memory.set_control(0, Control.CONNECTED | Control.SPEAKING | Control.EXPECTING)

    @property
    def _playback(self) -> Playback | None:
        return self._audio.playback if self._audio is not None else None

    @property
    def playout(self) -> Playout | None:
        """What keeps the playback ring filled; None where the stream plays nothing."""
        return self._audio.playback.playout if self._audio is not None else None

    # -- life

    def start(self) -> None:
        """The media bug is on: connect, if that may be hoped for."""
        self._machine.move(State.RUNNING)
        if self._plan.piloting.failure is not None:
            self.fail(self._plan.piloting.failure)
            return
        self._endpoint.start()
        if self._first_connection is not None:
            self._first_connection.begin(self._owner.later, self.fail)

    def stop(self, payload: bytes | None = None, reason: EndReason = EndReason.STOPPED) -> None:
        """Flush caller audio, send the final message, close. Raises CommandRefusedError where that message could not
        be sent; the stream stops all the same."""
        if not self._lives:
            return
        if self._outgoing is not None:
            self._outgoing.flush()
        try:
            if payload is not None and not is_for_player(client_message(payload)):
                self._outbound.application(payload)
        finally:
            self._close(reason)

    def _close(self, reason: EndReason) -> None:
        self._machine.move(State.CLOSING)
        if self._first_connection is not None:
            self._first_connection.settle()
        self._continuity.finish(goes_on=reason is EndReason.ENGINE_EXIT)
        self._connections.finish()
        if self._outgoing is not None:
            self._outgoing.disconnect(self._dialogue.session)
        self._finish(reason)
        self._endpoint.stop(reason.close_code, reason.close_reason)
        self._owner.stream_ended(self, reason)

    def _finish(self, reason: EndReason) -> None:
        """Nothing is played or recorded from now on."""
        # The cut that comes now is no interruption.
        interruptions = self._playback.cuts if self._playback is not None else 0
        self._summary.end(reason.value, time.monotonic_ns(), interruptions)
        self._reports.disconnected()
        if self._playback is not None:
            self.say(self._playback.barge_in())
        if self._recording is not None:
            self._recording.finish()

    @property
    def _lives(self) -> bool:
        return self._machine.state in (State.RUNNING, State.DRAINING)

    @property
    def closing(self) -> bool:
        return self._machine.state in (State.CLOSING, State.ENDED)

    # -- commands

    @property
    def connected(self) -> bool:
        return self._endpoint.connected

    def pause(self) -> None:
        if self._outgoing is not None:
            self._outgoing.finish()
        self._restrain(Control.PAUSED, True)

    def _restrain(self, restraint: Control, on: bool) -> None:
        self._restraints.set(restraint, on)
        self.look()

    def resume(self) -> None:
        self._restrain(Control.PAUSED, False)

    def mute(self, target: MuteTarget) -> None:
        """Raises CommandRefusedError; with the connection down, the mute itself has taken effect."""
        self._require(target)
        if target is not MuteTarget.USER and self._playback is not None:
            self._restrain(Control.PLAYBACK_MUTED, True)
        if target is MuteTarget.OPENAI or self._outgoing is None or Control.CAPTURE_MUTED in self._restraints:
            return
        if Control.ON_HOLD not in self._restraints:
            self._outgoing.silence()
        self._restrain(Control.CAPTURE_MUTED, True)
        if not self._endpoint.connected:
            raise CommandRefusedError(reasons.MUTED_NOT_CONNECTED)

    def unmute(self, target: MuteTarget) -> None:
        """Raises CommandRefusedError."""
        self._require(target)
        if target is not MuteTarget.USER and self._playback is not None:
            self._restrain(Control.PLAYBACK_MUTED, False)
        if target is not MuteTarget.OPENAI and self._outgoing is not None:
            self._restrain(Control.CAPTURE_MUTED, False)

    def _require(self, target: MuteTarget) -> None:
        """`all` means what there is: a stream of one direction has only that."""
        if target is MuteTarget.USER and self._outgoing is None:
            raise CommandRefusedError(reasons.SEND_DISABLED)
        if target is MuteTarget.OPENAI and self._playback is None:
            raise CommandRefusedError(reasons.RECEIVE_DISABLED)

    def hold(self, on_hold: bool) -> None:
        """The channel is on hold, or no longer: playback waits by itself (the module sees to it), and no caller audio
        goes out. Where the caller was heard until now, a second of silence ends the turn."""
        if on_hold == (Control.ON_HOLD in self._restraints) or not self._lives:
            return
        if on_hold and self._outgoing is not None and Control.CAPTURE_MUTED not in self._restraints:
            self._outgoing.silence()
        self._restrain(Control.ON_HOLD, on_hold)
        self._pilot.held(on_hold)

    def hush(self, hushed: bool) -> None:
        """Playback waits where it is, or goes on."""
        self._restraints.hush(hushed)

    def interrupt(self) -> None:
        """What the caller may interrupt is over, as by a barge-in; the server is told."""
        self._dialogue.interrupt()

    @property
    def confirms(self) -> bool:
        """The server leaves its answers alone when the caller speaks: it is to be found out what a barge-in is."""
        return self._dialogue.session.barge_in.policy is BargeIn.CONFIRM

    @property
    def may_be_interrupted(self) -> bool:
        """Something is being heard, or is to be heard next, that the caller may interrupt."""
        playback = self._playback
        if playback is None or playback.idle:
            return playback is not None and self._dialogue.session.responses.any_interruptible
        return playback.interruptible

    @cached_property
    def caller_voice(self) -> CallerVoice:
        return CallerVoice(self.memory)

    def silence(self) -> None:
        """Drop what is being played and queued; where nothing is, nothing happens."""
        self._dialogue.silence()

    def send_json(self, payload: bytes) -> None:
        """Raises CommandRefusedError where there is no connection, or it takes no more."""
        message = client_message(payload)
        if is_for_player(message):
            self._dialogue.silence()
            return
        told = self._dialogue.for_server(payload)
        self._outbound.application(told)
        self._dialogue.application_sent(payload, told)
        if message is not None:
            heard = self._outgoing is not None and self._outgoing.open
            self._dialogue.application_said(message, caller_is_heard=heard)
        self._continuity.look()
        self._pilot.sent(told)

    def describe(self) -> dict[str, object]:
        """This stream's entry of `list`."""
        return {
            "name": self.name,
            "direction": self.direction.value,
            "connected": self._endpoint.connected,
            "paused": Control.PAUSED in self._restraints,
            "send_muted": Control.CAPTURE_MUTED in self._restraints,
            "recv_muted": self._playback is not None and Control.PLAYBACK_MUTED in self._restraints,
        }

    # -- from the media clock

    def tick(self) -> None:
        """What has arrived goes out, what is queued goes on its way to the caller; called when memory is due."""
        if not self._lives:
            return
        if self._outgoing is not None:
            self._outgoing.tick()
        if self._hearing is not None:
            self._hearing.tick()
        if self._recording is not None:
            self._recording.tick()
        if self._drained:
            self._end(EndReason.NO_RECONNECT)
        else:
            self.look()

    def fail(self, why: str | None) -> None:
        """It ends as one that came to nothing, where there is a reason to; with what the caller is told then."""
        if why is None or self.closing or self.failure is not None:
            return
        self.failure = why
        prompt = self._plan.piloting.failure_prompt
        if prompt is None or self._audio is None:
            self.stop(reason=EndReason.NOT_CONNECTED)
        else:
            self.play_sound(prompt, lambda _: self.stop(reason=EndReason.NOT_CONNECTED))

    def _end(self, reason: EndReason) -> None:
        """The connection is gone for good already."""
        self._continuity.finish(goes_on=False)
        self._finish(reason)
        self._machine.move(State.ENDED)
        self._owner.stream_ended(self, reason)
        self._gone()

    def _gone(self) -> None:
        """The last that is told of the stream, as far as the memory knows it by now."""
        playback = self._playback
        if self._hearing is not None:
            self._hearing.finish()
        report = self._summary.report(
            sent_ms=self._outgoing.sent_ms if self._outgoing is not None else 0,
            heard_ms=playback.heard_ms if playback is not None else 0,
            underruns=self.memory.underruns,
        )
        self._pilot.summary(report)
        self._owner.stream_gone(self)

    def _keep(self, kept: bytes) -> None:
        self._owner.keep(kept)

    def kept_changed(self) -> None:
        """What its pilot keeps with it has."""
        self._continuity.changed()

    def play_sound(self, path: Path, done: Callable[[SoundPlayed], None], **how: bool) -> None:
        """See OwnSounds.play."""
        if self._audio is None or self._audio.sounds is None:
            done(SoundPlayed(error="nothing can be played"))
        else:
            self._audio.sounds.play(path, done, **how)

    @property
    def sounding(self) -> bool:
        """Something is queued, or being played, or expected of a response whose audio has begun to come."""
        return self._audio is not None and self._audio.sounding

    @property
    def playing(self) -> dict[str, Any] | None:
        """See Playback.playing; None where nothing can be."""
        return self._audio.playback.playing() if self._audio is not None else None

    # -- from its observers (Stage)

    def event(self, subclass: str, body: bytes) -> None:
        self._owner.event(subclass, body)

    def log(self, level: int, text: str) -> None:
        self._owner.log(level, self._mask.hide(text))

    @property
    def later(self) -> Later:
        return self._owner.later

    # -- from the dialogue (DialogueListener)

    def warn(self, text: str) -> None:
        self.log(LOG_WARNING, text)

    def send(self, payload: bytes) -> None:
        """A message of the engine's own; lost without a connection, where it would mean nothing any more."""
        if self._outbound.own(payload):
            self._pilot.sent(payload)

    def look(self) -> None:
        """What may go either way, and when playback is to be looked at, follows from what is known by now."""
        session = self._dialogue.session
        if self._outgoing is not None:
            self._outgoing.look()
        if self._audio is not None:
            self._audio.look(session)
        self.memory.watch(*self._due())

    def _due(self) -> tuple[int, int]:
        """As Playback.next_due()."""
        playback = self._playback
        if self._drained:
            return 0, 0
        return playback.next_due() if playback is not None else (NEVER, 0)

    @property
    def _drained(self) -> bool:
        """There will be no connection, and what was queued is over, or will not be."""
        return self._machine.state is State.DRAINING and (Control.PAUSED in self._restraints or not self.sounding)

    def session_expires(self, at: float) -> None:
        self._connections.expires(at)

    def session_expired(self) -> None:
        self._connections.expired()

    def restored(self, outcome: Outcome) -> None:
        self._connections.restored(outcome)

    def say(self, events: list[Speech]) -> None:
        for event in events:
            if event is Speech.STARTED:
                self.memory.set_control(Control.SPEAKING, 0)
                self._pilot.speech_started()
            else:
                self.memory.set_control(0, Control.SPEAKING)
                self._pilot.speech_stopped()

    # -- from the WebSocket (EndpointListener)

    def on_connected(self) -> None:
        if self.closing:
            return
        if self._first_connection is not None:
            self._first_connection.made(time.monotonic())
        self.memory.set_control(Control.CONNECTED, 0)
        self._connections.opened()

    def on_disconnected(self, code: int, reason: str) -> None:
        if not self.closing and self._connections.replaced(code, reason):
            return
        self.memory.set_control(0, Control.CONNECTED)
        greeted = self._dialogue.session.greeted
        self._connections.lost(code, reason, ours=self.closing)
        if self._first_connection is not None:
            why = self._mask.hide(reason), time.monotonic()
            others = self._plan.endpoint.failover
            self.fail(self._first_connection.lost(code, *why, greeted=greeted, others=bool(others)))

    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        self._connections.failed(retries, error, wait_ms, http_status, body)
        if self._first_connection is not None:
            status = 0 if self._plan.endpoint.failover else http_status  # another may answer otherwise
            self.fail(self._first_connection.failed(error, status, last=wait_ms == 0))

    def on_congested(self, congested: bool) -> None:
        if self._outgoing is not None:
            self._outgoing.congest(congested)

    def on_dropped(self, why: str) -> None:
        if not self.closing:
            self._dialogue.dropped(why)

    def on_ended(self) -> None:
        state = self._machine.state
        if state is State.CLOSING:
            self._machine.move(State.ENDED)
            self._gone()
        elif state is State.RUNNING:
            # Reconnecting is off: the media clock ends the stream once the caller has heard what is queued.
            self._machine.move(State.DRAINING)
            self.look()

    @property
    def take_audio(self) -> TakeAudio | None:
        return self._dialogue.take_audio

    def on_text(self, payload: bytes) -> None:
        if not self.closing:
            try:
                self._dialogue.text(payload)
            except LimitExceededError as error:
                self._end_connection(str(error))
            self._continuity.look()

    def on_binary(self, payload: bytes) -> None:
        if not self.closing:
            try:
                self._dialogue.binary(payload)
            except LimitExceededError as error:
                self._end_connection(str(error))

    def _end_connection(self, why: str) -> None:
        """The server takes more than it is given. The call goes on; another connection comes as after any loss."""
        if self.closing or not self._endpoint.connected:
            return
        self._summary.error = why
        self.warn(f"connection ended: {why}")
        self._pilot.error(why, wait_ms=self._endpoint.fail_connection(why))

    def pause_reading(self, paused: bool) -> None:
        """Whether nothing is to be read from the server for now, because the switch is behind with events."""
        (self._endpoint.pause_reading if paused else self._endpoint.resume_reading)("link")
