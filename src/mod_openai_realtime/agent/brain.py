"""What an agent's side of a call does of itself: when the model is asked, what counts as heard, digits, silence, the
longest duration, turns. Sans-I/O: the worker's messages, the wishes of user code and the time come in, effects come
out. Times are seconds of a clock that never goes back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from . import actions as a
from . import messages as m
from .awaited import Awaited
from .coordinator import Coordinator
from .effects import Do, Effect, Hook, Resolve, Tell
from .errors import CallError
from .fields import object_of, text_of
from .keys import Keys
from .silence import Silence
from .speech import Speech, Utterance
from .turns import Turns
from .usage import add_usage
from .values import State, Turn
from .wording import exactly, message_item

WARNING_S = 60.0  # before the longest duration is over, the model is told
MAX_CALLER_ITEMS = 32  # of the caller, whose transcripts are to come
MAX_UNSENT = 64  # client events that wait for a session; more are lost

_BENIGN = frozenset({"conversation_already_has_active_response", "response_cancel_not_active"})
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_NOT_TRANSCRIBED = "conversation.item.input_audio_transcription.failed"


class Brain:
    """Of one call, whichever agent has it."""

    def __init__(self, rules: Callable[[str], a.Rules], now: float, at: datetime) -> None:
        """`rules`: of the tool of a name. `at`: the time of day at `now`; aware, UTC."""
        self._began, self._at = now, at
        self.coordinator = Coordinator(rules)
        self.speech = Speech()
        self.turns = Turns()
        self.keys = Keys()
        self.silence = Silence(None)
        self.usage: dict[str, Any] = {}
        self.state: State = "starting"
        self.connected = False
        self._unsent: list[dict[str, Any]] = []
        self.instructions = ""
        """Of the session in effect."""
        self.digits_policy = "tell"
        self.fillers: Callable[[str], str | None] = lambda name: None
        self.speaking = False
        """The caller, by what the server has told."""
        self.spoke = 0
        """How often the caller has begun to."""
        self.voiced = False
        """The agent has been heard: its voice can't change any more."""
        self.busy = 0
        """User code does something to the call, in which silence means nothing."""
        self.held = False
        """The caller is on hold."""
        self._duration: list[tuple[float, str]] = []
        self._effects: list[Effect] = []
        self._awaited = Awaited()
        self._number = 0
        self._collector: int | None = None
        self._spoke_at: datetime | None = None
        self._caller_items: OrderedDict[str, datetime] = OrderedDict()
        self._runs: dict[str, tuple[str, str, datetime]] = {}
        self._filled: dict[str, str] = {}
        self._kept = b""

    # -- what is to be known from outside

    @property
    def deadline(self) -> float | None:
        """When tick() has something to do, if nothing else happens."""
        times = [self.coordinator.deadline, self.keys.deadline, self.silence.deadline, self._awaited.deadline]
        times += [at for at, _ in self._duration]
        return min((time for time in times if time is not None), default=None)

    @property
    def quiet(self) -> bool:
        """Nothing is left to be heard, and nothing more was asked for."""
        coordinator = self.coordinator
        return self.speech.idle and not self._awaited.plays and not coordinator.responding and not coordinator.wanted

    def at(self, now: float) -> datetime:
        return self._at + timedelta(seconds=now - self._began)

    def seconds(self, now: float) -> float:
        return now - self._began

    def kept(self, beside: Mapping[str, Any]) -> m.Kept | None:
        """What the next host would have to know, `beside` included, where that has changed."""
        state = {
            **beside,
            "digits": self.keys.group,
            "usage": self.usage,
            "silent": self.silence.times,
            "instructions": self.instructions,
            "voiced": self.voiced,
            "calls": [[call, name, arguments] for call, (name, arguments, _) in self._runs.items()],
        }
        encoded, turns = orjson.dumps(state), self.turns.take_changed()
        if encoded == self._kept and not turns:
            return None
        self._kept = encoded
        return m.Kept(state, turns)

    def take_up(self, kept: m.Kept, connected: bool, now: float) -> list[Effect]:
        """The call's host has died. Its tools have failed."""
        state = kept.state
        self.keys = Keys(text_of(state.get("digits")), now)
        self.usage = dict(object_of(state.get("usage")))
        self.instructions = text_of(state.get("instructions"))
        self.voiced = bool(state.get("voiced"))
        times = state.get("silent")
        self.silence.times = times if type(times) is int else 0
        self.turns.take_up(kept.turns)
        calls = state.get("calls")
        runs = [(str(each[0]), str(each[1]), str(each[2])) for each in calls] if isinstance(calls, list) else []
        self._coordinated(self.coordinator.take_up(runs, now), now)
        self.state = "talking"
        if connected:
            self._connected()
            self._coordinated(self.coordinator.connected(now), now)
            self._effects.append(Hook("on_connect", (True,)))
        return self._done(now)

    def moved(self, connected: bool, now: float) -> list[Effect]:
        """Another worker has the call: it knows nothing of what was kept, and tells what is to be heard from now on."""
        self._kept = b""
        self.turns.tell_all_again()
        self._effects += self._awaited.none_is_played()
        self._over(self.speech.playback(True))
        return self._done(now) if connected else self.receive(m.Lost(0, 0), now)

    # -- what happens

    def receive(self, message: m.OfCall, now: float) -> list[Effect]:
        match message:
            case m.Event(event=event):
                self._server_said(event, now)
            case m.Connected(restored=restored):
                self.state = "held" if self.held else "talking"
                self._connected()
                self._coordinated(self.coordinator.connected(now), now)
                self._effects.append(Hook("on_connect", (restored,)))
            case m.Lost():
                self.connected = self.speaking = False
                self._over(self.speech.lost())
                self._coordinated(self.coordinator.lost(now), now)
            case m.AttemptFailed(error=error):
                self._effects.append(Hook("on_error", (error,)))
            case m.Speech(on=True):
                self.voiced = True
            case m.Playback(idle=idle):
                self._over(self.speech.playback(idle))
            case m.TurnHeard():
                if message.interrupted:
                    self._interrupted()
                self._over(self.speech.turn(message, self.at(now)))
            case m.Played():
                self._played(message)
            case m.Digit(digit=digit):
                self.silence.caller_is_there()
                self._keyed(self.keys.key(digit, now), now)
            case m.Held(on_hold=on_hold):
                self.hold(on_hold)
        return self._done(now)

    def tick(self, now: float) -> list[Effect]:
        self._coordinated(self.coordinator.tick(now), now)
        self._keyed(self.keys.tick(now), now)
        self._effects += self._awaited.late(now)
        while self._duration and now >= self._duration[0][0]:
            self._effects.append(Hook(self._duration.pop(0)[1]))
        return self._done(now)

    def end(self, now: float) -> list[Effect]:
        """Nothing more will come: who waits is told."""
        self.state = "ended"
        self._duration.clear()
        self.silence.after_s = None
        self._over(self.speech.end())
        self._effects += self._awaited.end()
        if self._collector is not None:
            self._effects.append(Resolve(self._collector, self.keys.give_up()))
            self._collector = None
        return self._done(now)

    # -- what user code wants

    def limit(self, seconds: float | None, now: float) -> None:
        """The call's longest duration, from its beginning; None: none."""
        self._duration = []
        if seconds is not None:
            over = self._began + seconds
            self._duration = [(max(now, over - WARNING_S), "warn_of_the_end"), (over, "end_by_duration")]

    def say(
        self,
        waiter: int | None,
        instructions: str | None,
        now: float,
        *,
        exactly: bool = False,
        interruptible: bool = True,
    ) -> list[Effect]:
        """A response, with `instructions` beside those of the session. `waiter` is told what was heard of it."""
        self._number += 1
        token = f"say-{self._number}"
        if waiter is not None:
            self._awaited.request(token, waiter)
        response: dict[str, Any] = {}
        if instructions is not None:
            # Those of a response take the place of the session's.
            response["instructions"] = f"{self.instructions}\n\n{instructions}" if self.instructions else instructions
        if exactly:
            response["tool_choice"] = "none"
        if not interruptible:
            response["metadata"] = {"interruptible": "false"}
        self._coordinated(self.coordinator.request(token, response, now), now)
        return self._done(now)

    def send(self, event: dict[str, Any], now: float) -> list[Effect]:
        """A client event as it is; a response in its turn."""
        if event.get("type") == "response.create":
            self._number += 1
            response = event.get("response")
            body = response if isinstance(response, dict) else None
            self._coordinated(self.coordinator.request(f"raw-{self._number}", body, now, covers=True), now)
        else:
            self._send(event)
        return self._done(now)

    def _send(self, event: dict[str, Any]) -> None:
        if self.connected:
            self._effects.append(Do(m.Send(event)))
        elif len(self._unsent) < MAX_UNSENT:
            self._unsent.append(event)

    def play(self, waiter: int | None, play: m.Play, now: float) -> list[Effect]:
        self._awaited.play(play.id, waiter)
        self._effects.append(Do(play))
        return self._done(now)

    def wait_until_heard(self, waiter: int, limit_s: float | None, now: float) -> list[Effect]:
        """Is told `heard` when nothing is left to be heard, `interrupted`, `late` after `limit_s`, or `over`."""
        if self.state == "ended":
            self._effects.append(Resolve(waiter, "over"))
        else:
            self._awaited.until_quiet(waiter, None if limit_s is None else now + limit_s)
        return self._done(now)

    def collect(
        self, waiter: int, count: int | None, terminator: str | None, timeout_s: float, now: float
    ) -> list[Effect]:
        if self._collector is not None:
            self._effects.append(Resolve(waiter, CallError("digits are being collected already")))
            return self._done(now)
        self._collector = waiter
        found = self.keys.collect(count, terminator, timeout_s, now)
        self._keyed(("collected", found) if found is not None else None, now)
        return self._done(now)

    def forget(self, waiter: int, now: float) -> list[Effect]:
        """Nobody waits under this number any more."""
        if self._collector == waiter:
            self._collector = None
            self.keys.give_up()
        self._awaited.forget(waiter)
        return self._done(now)

    def result(
        self, call_id: str, output: str, result: Any, error: str | None, follow: bool | None, now: float
    ) -> list[Effect]:
        """A tool is done. `output`: what the model is told."""
        self._tool_turn(call_id, output, result, error, now)
        self._coordinated(self.coordinator.result(call_id, output, now, follow=follow), now)
        return self._done(now)

    def hold(self, on_hold: bool) -> None:
        self.held = on_hold
        if self.state in ("talking", "held"):
            self.state = "held" if on_hold else "talking"

    def coordinated(self, what: Callable[[Coordinator, float], list[a.Action]], now: float) -> list[Effect]:
        self._coordinated(what(self.coordinator, now), now)
        return self._done(now)

    def look(self, now: float) -> list[Effect]:
        """Something may have changed that was not told."""
        return self._done(now)

    # -- what follows

    def _done(self, now: float) -> list[Effect]:
        if self.state != "ended":
            if self._awaited.waits_for_quiet and self.quiet:
                self._effects += self._awaited.end_wait_for_quiet("heard")
            if self.silence.look(self._nothing_goes_on(), now):
                self._effects.append(Hook("on_silence", (self.silence.times,)))
        effects, self._effects = self._effects, []
        return effects

    def _connected(self) -> None:
        self.connected = True
        self._effects += [Do(m.Send(event)) for event in self._unsent]
        self._unsent.clear()

    def _nothing_goes_on(self) -> bool:
        return (
            self.state == "talking"
            and self.connected
            and not self.speaking
            and not self.busy
            and not self._runs
            and not self.keys.collecting
            and not self.coordinator.waiting
            and self.quiet
        )

    def _server_said(self, raw: Any, now: float) -> None:
        try:
            event = orjson.loads(bytes(raw))
        except orjson.JSONDecodeError:
            return
        if not isinstance(event, dict):
            return
        self._listen(event, now)
        self._over(self.speech.server_said(event, self.at(now)))
        self._coordinated(self.coordinator.server_said(event, now), now)
        self._effects.append(Hook("on_event", (event,)))

    def _listen(self, event: Mapping[str, Any], now: float) -> None:
        kind = event.get("type")
        if kind == "input_audio_buffer.speech_started":
            self.speaking = True
            self.spoke += 1
            self._spoke_at = self.at(now)
            self.silence.caller_is_there()
        elif kind == "input_audio_buffer.speech_stopped":
            self.speaking = False
        elif kind == "input_audio_buffer.committed":
            self.speaking = False
            self._caller_items[text_of(event.get("item_id"))] = self._spoke_at or self.at(now)
            self._spoke_at = None
            if len(self._caller_items) > MAX_CALLER_ITEMS:
                self._caller_items.popitem(last=False)
        elif kind in (_TRANSCRIBED, _NOT_TRANSCRIBED):
            if kind == _TRANSCRIBED and event.get("usage") is not None:
                add_usage(self.usage.setdefault("transcription", {}), event.get("usage"))
            item = text_of(event.get("item_id"))
            at = self._caller_items.pop(item, None) or self.at(now)
            self._turn(Turn("caller", text_of(event.get("transcript")).strip(), at, item_id=item))
        elif kind == "response.done":
            response = object_of(event.get("response"))
            add_usage(self.usage, response.get("usage"))
            details = object_of(object_of(response.get("status_details")).get("error"))
            if response.get("status") == "failed":
                why = text_of(details.get("message")) or text_of(details.get("code")) or "the response failed"
                self._effects.append(Hook("on_error", (why,)))
            elif response.get("status") == "cancelled":
                self._interrupted()
        elif kind == "error":
            error = object_of(event.get("error"))
            if error.get("code") not in _BENIGN:
                why = text_of(error.get("message")) or text_of(error.get("code")) or "error"
                self._effects.append(Hook("on_error", (why,)))

    def _interrupted(self) -> None:
        self._effects += self._awaited.end_wait_for_quiet("interrupted")

    def _over(self, utterances: list[Utterance]) -> None:
        for each in utterances:
            heard = each.heard()
            self._effects += self._awaited.heard(each.response_id, heard)
            if heard.ms > 0 and each.turn is not None:
                turn = Turn("agent", heard.text, each.at, heard.ms, heard.interrupted, each.turn.latency_ms)
                turn.item_id = next(iter(each.turn.item_ids), None)
                turn.response_id = each.response_id
                self._turn(turn)

    def _turn(self, turn: Turn) -> None:
        self.turns.add(turn)
        self._effects.append(Hook("on_turn", (turn,)))

    def _coordinated(self, actions: list[a.Action], now: float) -> None:
        for action in actions:
            match action:
                case a.Send(event):
                    self._effects.append(Do(m.Send(event)))
                case a.Run(call_id, name, arguments):
                    self._runs[call_id] = name, arguments, self.at(now)
                    self._effects.append(action)
                case a.Stop(call_id, timeout_s):
                    why = f"The tool took longer than {timeout_s:g} s."
                    self._tool_turn(call_id, why, None, why, now)
                    self._effects.append(action)
                case a.Filler(call_id, name):
                    self._fill(call_id, name, now)
                case a.Over():
                    self._effects += self._awaited.over(action)
                case a.Trouble(text):
                    self._effects.append(Tell("warning", text))

    def _fill(self, call_id: str, name: str, now: float) -> None:
        filler = self.fillers(name)
        if filler is None:
            return
        self._number += 1
        if filler.startswith("/") or filler.lower().endswith(".wav"):
            play = m.Play(-self._number, filler)
            self._awaited.play(play.id, None)
            self._effects.append(Do(play))
            return
        token = self._filled[call_id] = f"filler-{self._number}"
        body = {"instructions": f"{self.instructions}\n\n{exactly(filler)}", "tool_choice": "none"}
        self._coordinated(self.coordinator.request(token, body, now), now)

    def _tool_turn(self, call_id: str, output: str, result: Any, error: str | None, now: float) -> None:
        run = self._runs.pop(call_id, None)
        if run is None:
            return
        filler = self._filled.pop(call_id, None)
        if filler is not None:
            self._coordinated(self.coordinator.withdraw(filler, now), now)
        name, arguments, at = run
        turn = Turn("tool", output, at, name=name, result=result, error=error)
        try:
            parsed = orjson.loads(arguments or "{}")
            turn.arguments = parsed if isinstance(parsed, dict) else None
        except orjson.JSONDecodeError:
            pass
        self._turn(turn)

    def _played(self, message: m.Played) -> None:
        if message.interrupted:
            self._interrupted()
        self._effects += self._awaited.played(message)

    def _keyed(self, found: tuple[str, str] | None, now: float) -> None:
        if found is None:
            return
        what, digits = found
        if what == "collected":
            if self._collector is not None:
                self._effects.append(Resolve(self._collector, digits))
            self._collector = None
            return
        self._effects.append(Hook("on_digits", (digits,)))
        if self.digits_policy == "tell":
            self._send(message_item("user", f"The caller pressed {digits} on the phone's keys."))
            self._number += 1
            self._coordinated(self.coordinator.request(f"digits-{self._number}", None, now, covers=True), now)
