"""One stream: a channel's audio and a WebSocket, held together by what the server's messages and the commands mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .._media import Packetizer, Playout, StreamMemory
from ..audio.control import Control
from ..audio.own_sounds import SoundPlayed
from ..audio.playback import Playback, Speech
from ..audio.recording import Recording
from ..conversation.restoration import Outcome
from ..conversation.turn import Turns
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
from .state import EndReason, State, StateMachine
from .stream_owner import StreamOwner
from .stream_plan import StreamPlan

# What the media thread, or an engine that comes after this one, is to know.
_PUBLISHED = Control.PAUSED | Control.CAPTURE_MUTED | Control.PLAYBACK_MUTED | Control.ON_HOLD

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
        control = Control(memory.control)
        self.paused = Control.PAUSED in control
        self.send_muted = start.mute_user or Control.CAPTURE_MUTED in control
        self._on_hold = Control.ON_HOLD in control  # as the application was told
        self._turns = Turns()
        warn = weakly(self.warn)
        self._reports = Reports(settings, self._mask, self._summary, owner.later, warn)
        this = weak(self)
        self._pilot = plan.audience(this)
        # Before playback begins anew: it tells how far another engine's came.
        conversation = plan.conversation(memory, warn)
        self._continuity = plan.continuity(conversation, owner.later, lambda: this.playing, weakly(self._keep))
        self._audio = plan.audio(memory, self._turns, warn)
        if self._audio is not None:
            self._audio.playback.muted = Control.PLAYBACK_MUTED in control
        sessions = plan.sessions(conversation, warn)
        self._dialogue = Dialogue(sessions, self._audio, self._reports, self._pilot, this, owner.later)
        self._hearing = None
        if self._audio is not None:
            told = self._pilot, self._summary, self._continuity
            self._hearing = Hearing(self._audio, self._turns, self._dialogue, this, *told)
        self._endpoint = Line(make_endpoint(plan.endpoint, self))
        self._outbound = Outbound(self._endpoint, owner.later, weakly(self._end_connection))
        self._outgoing = plan.outgoing(memory, recording, self._dialogue.session, self._endpoint, warn)
        self._connections = Connections(
            self._endpoint,
            self._dialogue,
            self._outgoing,
            self._continuity,
            self._pilot,
            self._reports,
            self._summary,
            self._mask,
            lambda: this._caller_is_wanted,
        )
        if settings.reconnect:
            make = partial(make_endpoint, plan.endpoint)
            self._connections.roll_over(make, owner.later, plan.max_session_s, late=settings.restores)
        self._publish()
        memory.set_control(0, Control.CONNECTED | Control.SPEAKING | Control.EXPECTING)

    @property
    def _playback(self) -> Playback | None:
        return self._audio.playback if self._audio is not None else None

    @property
    def packetizer(self) -> Packetizer | None:
        """What sends caller audio while it is lent; None where the stream sends none."""
        return self._outgoing.packetizer if self._outgoing is not None else None

    @property
    def playout(self) -> Playout | None:
        """What keeps the playback ring filled; None where the stream plays nothing."""
        return self._audio.playback.playout if self._audio is not None else None

    # -- life

    def start(self) -> None:
        """The media bug is on: connect."""
        self._machine.move(State.RUNNING)
        self._endpoint.start()
        if self._first_connection is not None:
            self._first_connection.begin(self._owner.later, self.fail)

    def stop(self, payload: bytes | None = None, reason: EndReason = EndReason.STOPPED) -> None:
        """Flush caller audio, send the final message, close. Raises CommandRefusedError where that message could not
        be sent; the stream stops all the same."""
        if self._machine.state not in (State.RUNNING, State.DRAINING):
            return
        if self._outgoing is not None and self._capturing:
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
        self._take_back()
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
    def closing(self) -> bool:
        return self._machine.state in (State.CLOSING, State.ENDED)

    # -- commands

    @property
    def connected(self) -> bool:
        return self._endpoint.connected

    def pause(self) -> None:
        if self._outgoing is not None:
            if self._capturing:
                self._outgoing.finish()
            else:
                self._outgoing.pass_over()
        self.paused = True
        self._publish()

    def resume(self) -> None:
        self.paused = False
        if self._outgoing is not None:
            self._outgoing.pass_over()
        self._publish()

    def mute(self, target: MuteTarget) -> None:
        """Raises CommandRefusedError; with the connection down, the mute itself has taken effect."""
        self._require(target)
        if target is not MuteTarget.USER and self._playback is not None:
            self._playback.muted = True
        told = True
        if target is not MuteTarget.OPENAI and self._outgoing is not None and not self.send_muted:
            told = self._endpoint.connected
            self._end_turn(told and not self._on_hold)
            self.send_muted = True
        self._publish()
        if not told:
            raise CommandRefusedError(reasons.MUTED_NOT_CONNECTED)

    def _end_turn(self, silence: bool) -> None:
        """What the caller has said so far goes out, if it was to be sent; with a second of silence, if so told."""
        assert self._outgoing is not None
        if not self._capturing:
            self._outgoing.pass_over()
        if silence:
            self._outgoing.silence()

    def unmute(self, target: MuteTarget) -> None:
        """Raises CommandRefusedError."""
        self._require(target)
        if target is not MuteTarget.USER and self._playback is not None:
            self._playback.muted = False
        if target is not MuteTarget.OPENAI and self._outgoing is not None and self.send_muted:
            self.send_muted = False
            self._outgoing.pass_over()
        self._publish()

    def _require(self, target: MuteTarget) -> None:
        """`all` means what there is: a stream of one direction has only that."""
        if target is MuteTarget.USER and self._outgoing is None:
            raise CommandRefusedError(reasons.SEND_DISABLED)
        if target is MuteTarget.OPENAI and self._playback is None:
            raise CommandRefusedError(reasons.RECEIVE_DISABLED)

    def hold(self, on_hold: bool) -> None:
        """The channel is on hold, or no longer: playback waits by itself (the module sees to it), and no caller audio
        goes out. Where the caller was heard until now, a second of silence ends the turn."""
        if on_hold == self._on_hold or self._machine.state not in (State.RUNNING, State.DRAINING):
            return
        if self._outgoing is not None:
            self._end_turn(on_hold and self._endpoint.connected and not self.send_muted)
        self._on_hold = on_hold
        self._publish()
        self._pilot.held(on_hold)

    def silence(self) -> None:
        """Drop what is being played and queued; where nothing is, nothing happens."""
        self._dialogue.silence()

    def send_json(self, payload: bytes) -> None:
        """Raises CommandRefusedError where there is no connection, or it takes no more."""
        message = client_message(payload)
        if is_for_player(message):
            self._dialogue.silence()
            return
        self._outbound.application(payload)
        self._dialogue.application_sent(payload)
        if message is not None:
            heard = self._outgoing is not None and self._capturing
            self._dialogue.application_said(message, caller_is_heard=heard)
        self._take_back()
        self._continuity.look()
        self._pilot.sent(payload)

    def describe(self) -> dict[str, object]:
        """This stream's entry of `list`."""
        return {
            "name": self.name,
            "direction": self.direction.value,
            "connected": self._endpoint.connected,
            "paused": self.paused,
            "send_muted": self.send_muted,
            "recv_muted": self._playback is not None and self._playback.muted,
        }

    def _publish(self) -> None:
        """Tell the media thread, and an engine that may come after this one."""
        self._take_back()
        wanted = Control(0)
        if self.paused:
            wanted |= Control.PAUSED
        if self.send_muted:
            wanted |= Control.CAPTURE_MUTED
        if self._playback is not None and self._playback.muted:
            wanted |= Control.PLAYBACK_MUTED
        if self._on_hold:
            wanted |= Control.ON_HOLD
        self.memory.set_control(wanted, ~wanted & _PUBLISHED)
        self._turns.playback_waits(self.paused or self._on_hold, time.monotonic_ns())
        self.memory.watch(0, 0)

    # -- from the media clock

    @property
    def _capturing(self) -> bool:
        return self._endpoint.connected and self._caller_is_wanted

    @property
    def _caller_is_wanted(self) -> bool:
        return not (self.paused or self.send_muted or self._on_hold)

    def tick(self) -> None:
        """What has arrived goes out, what is queued goes on its way to the caller; called when memory is due."""
        state = self._machine.state
        if state is State.RUNNING or state is State.DRAINING:
            if self._outgoing is not None:
                if self._capturing:
                    self._outgoing.tick()
                elif self._continuity.keeps_caller and self._caller_is_wanted:
                    self._outgoing.keep()
                else:
                    self._outgoing.pass_over()
            if self._hearing is not None:
                self._hearing.tick()
            if self._recording is not None:
                if self._outgoing is None:
                    self._recording.skip_capture()
                self._recording.tick()
            if state is State.DRAINING and (self.paused or self._playback is None or self._playback.idle):
                self._end(EndReason.NO_RECONNECT)

    def _take_back(self) -> None:
        """What becomes of caller audio may have changed: tick() decides anew."""
        if self._outgoing is not None:
            self._outgoing.take_back()

    def fail(self, why: str | None) -> None:
        """It ends as one that came to nothing, where there is a reason to; with what the caller is told then."""
        if why is None or self.closing or self.failure is not None:
            return
        self.failure = why
        prompt = self._plan.failure_prompt
        if prompt is None or self._audio is None:
            self.stop(reason=EndReason.NOT_CONNECTED)
        else:
            self.play_sound(prompt, lambda _: self.stop(reason=EndReason.NOT_CONNECTED))

    def _end(self, reason: EndReason) -> None:
        """The connection is gone for good already."""
        self._continuity.finish(goes_on=False)
        self._connections.finish()
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

    def formats_changed(self) -> None:
        self._take_back()
        self.memory.watch(0, 0)

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
            self._first_connection.made()
        self.memory.set_control(Control.CONNECTED, 0)
        self._connections.opened()

    def on_disconnected(self, code: int, reason: str) -> None:
        self._take_back()
        if not self.closing and self._connections.replaced(code, reason):
            return
        if self._machine.state is not State.ENDED:
            self.memory.set_control(0, Control.CONNECTED)
        self._connections.lost(code, reason, ours=self.closing)

    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        self._connections.failed(retries, error, wait_ms, http_status, body)
        if self._first_connection is not None:
            status = 0 if self._plan.endpoint.failover else http_status  # another may answer otherwise
            self.fail(self._first_connection.failed(error, status, last=wait_ms == 0))

    def on_congested(self) -> None:
        self._take_back()

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
            self.memory.watch(0, 0)

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
