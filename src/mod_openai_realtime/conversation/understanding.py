"""What the messages of both sides mean for a call. Synchronous and without a clock or a socket: each function changes
the session and returns what follows, as effects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import orjson

from ..audio.heard import Heard
from ..dialect.client_messages import ClientKind, ClientMessage
from ..dialect.messages import MAX_VALUES, Kind, ServerMessage
from ..limits import check_id
from .barge_in import BargeIn
from .conversation import ROOT
from .effects import (
    EVERYTHING,
    Disown,
    Effect,
    EndAudio,
    Expired,
    Expires,
    ForgetHalf,
    Forward,
    Play,
    Restored,
    Send,
    Silence,
    Warn,
    Which,
)
from .interruption import turn_detection
from .session import PartName, Session
from .session_wishes import UPDATE, UPDATE_ID, merged

_NOT_PARSED = (Kind.NOT_JSON, Kind.TOO_DEEP, Kind.UNREAD)
_SESSION_KINDS = (Kind.SESSION_CREATED, Kind.SESSION_UPDATED, Kind.ERROR)  # what a negotiation listens to


class Queue(Protocol):
    """What waits to be heard; Playback is one."""

    @property
    def idle(self) -> bool: ...
    def responses(self, session: int, /) -> set[str | None]: ...
    def responses_of_item(self, item_id: str, session: int, /) -> set[str | None]: ...


def server_says(session: Session, message: ServerMessage, payload: bytes, now_ns: int) -> list[Effect]:
    """A text message. `payload` is what `message` was made of; `now_ns`: CLOCK_MONOTONIC. Raises LimitExceededError."""
    kind = message.kind
    if kind is Kind.AUDIO_DELTA and not session.raw:
        if not session.plays:
            return []
        if message.audio is None:
            return lost("audio delta dropped: its base64 is malformed")
        name = (message.response_id, message.item_id, message.content_index)
        return audio_comes(session, name, message.audio, message)
    effects: list[Effect] = []
    if kind in _NOT_PARSED:
        why = _why_lost(session, kind, payload)
        if why is not None:
            return lost(why)
        if kind is Kind.UNREAD:
            effects.append(Warn(f"message passed on unread: its JSON has more than {MAX_VALUES} values"))
    own = session.restoration is not None and session.restoration.answers(message)
    own = own or (message.type is not None and message.type == session.dialect.keep_alive_answer)
    session.quiet.server_said(message, now_ns)
    if session.conversation is not None:
        session.conversation.server_said(message)
    if kind in _SESSION_KINDS:
        effects += follow_session(session, message)
    follow = _FOLLOW.get(kind)
    if follow is not None:
        effects += follow(session, message, now_ns)
    if not own or kind is Kind.ERROR:
        effects.append(Forward(message.type, payload))
    if session.restoration is not None:
        effects += restored(session)
    return effects


def _why_lost(session: Session, kind: Kind, payload: bytes) -> str | None:
    """Why a message that was not parsed is not even told on; None where it is."""
    if kind is Kind.TOO_DEEP:
        return "message dropped: its JSON is nested too deeply"
    if kind is Kind.UNREAD and not session.raw and any(name in payload for name in session.dialect.audio_names):
        return f"audio delta dropped: its JSON has more than {MAX_VALUES} values"
    if b"\0" in payload:
        # FreeSWITCH's events are C strings. JSON has no such byte: there it is an escape.
        return "message dropped: it contains a NUL byte"
    return None


def is_quiet(session: Session, queue: Queue | None, now_ns: int, *, caller_is_heard: bool = True) -> bool:
    """Neither side speaks, and nothing is owed that only this session knows. `queue`: None where what waits to be heard
    may go on."""
    if session.responses.any_alive or not (queue is None or queue.idle):
        return False
    return session.quiet.at(now_ns, caller_is_heard=caller_is_heard)


def restored(session: Session) -> list[Effect]:
    """To be asked after whatever may have been the last answer to a restoration."""
    outcome = session.restoration.outcome() if session.restoration is not None else None
    return [Restored(outcome)] if outcome is not None else []


def audio_comes(session: Session, name: PartName, audio: bytes, message: ServerMessage) -> list[Effect]:
    """Audio of the part `name`, in `message`. Raises LimitExceededError."""
    if not audio:
        return []
    response, item, index = name
    if name != session.part:
        check_id(response)
        check_id(item)
    if not session.responses.audible(response):
        return []
    session.part = name
    if session.conversation is not None and item is not None:
        session.conversation.plays(item, index)
    return [Play(name, audio, session.responses.interruptible(response), message)]


def binary_comes(session: Session, payload: bytes) -> list[Effect]:
    """A binary message."""
    if not session.raw:
        return lost("binary message dropped: the stream is not in raw mode")
    if not session.plays or not session.responses.raw_audible():
        return []
    session.part = (None, None, 0)
    return [Play(session.part, payload, session.responses.interruptible(None), None)]


def lost(why: str) -> list[Effect]:
    """A message is dropped: what comes next begins with a whole sample."""
    return [ForgetHalf(), Warn(why)]


def application_says(
    session: Session, message: ClientMessage, queue: Queue | None, now_ns: int, *, caller_is_heard: bool
) -> list[Effect]:
    """A message of the application has gone out. `queue`: None where the stream plays nothing."""
    kind = message.kind
    session.interruption.application_sent(kind)
    if kind is ClientKind.COMMIT:
        if caller_is_heard:
            session.clock.application_commits(now_ns)
    elif kind is ClientKind.CREATE:
        session.responses.requests.sent(message)
        session.quiet.asked(now_ns)
    elif kind is ClientKind.CANCEL:
        response = message.text("response_id")
        if response is not None:
            return _silence_response(session, response)
        session.responses.interrupt()
        return _silence(session, EVERYTHING, tell=session.truncates)
    elif kind is ClientKind.CREATE_ITEM:
        if session.conversation is not None and message.text("previous_item_id") == ROOT:
            session.conversation.comes_first(message.fields.get("item"))
    elif kind is ClientKind.TRUNCATE and queue is not None:
        item = message.text("item_id") or ""
        found = queue.responses_of_item(item, session.number)
        return [Disown(item), *(_silence_responses(session, found) if found else [])]
    return []


def cut_short(session: Session, cut: Heard) -> list[bytes]:
    """No more than this was heard of an item part. The messages that tell the server what a truncation can't."""
    if session.conversation is None:
        return []
    part = cut.part
    session.conversation.cut(part.item_id, part.content_index, cut.heard_samples, cut.received_samples)
    if part.session == session.number or session.restoration is None:
        return []
    return session.restoration.correct(part.item_id)


def application_wants_silence(session: Session, queue: Queue | None) -> list[Effect]:
    """What is played or queued is dropped, and its responses are not heard again. Without it nothing happens."""
    if queue is None or queue.idle:
        return []
    names = queue.responses(session.number)
    # Audio that names no response may be of any.
    active = session.responses.interrupt(lambda name: name in names or None in names)
    return [*_silence(session, EVERYTHING, tell=session.may_truncate), *_cancel(session, active)]


def caller_interrupts(session: Session, *, cancel: bool = True) -> list[Effect]:
    """What the caller may interrupt is over. `cancel`: the server has not cancelled it by itself."""
    active = session.responses.interrupt(session.responses.interruptible)
    if not session.plays:
        return []
    effects = _silence(session, Which(interruptible=True), tell=session.truncates)
    if cancel and session.interruption.cancels:
        effects += _cancel(session, active)
    return effects


# -- what each kind of message means for the session, and so for what is heard


def follow_session(session: Session, message: ServerMessage, *, beside: bool = False) -> list[Effect]:
    """Formats, and what a new session is given as soon as the server has greeted: one update, then all else. `beside`:
    another one goes on meanwhile."""
    restoration, negotiation = session.restoration, session.negotiation
    greeted = restoration is not None and message.kind is Kind.SESSION_CREATED and not restoration.begun
    wish = restoration.wish if restoration is not None and greeted else {}
    negotiation.prefer(wish)
    asked = merged(negotiation.server_said(message) or {}, wish)
    if message.kind is Kind.SESSION_CREATED:
        asked = session.barge_in.first(asked, message.fields.get("session"))
    return _begin(session, asked, greeted=greeted, beside=beside)


def connection_made(session: Session, *, beside: bool = False) -> list[Effect]:
    """What is sent to a server that waits for it before it greets; `beside`: as above."""
    if session.raw or session.dialect.greets:
        return []
    wish = session.restoration.wish if session.restoration is not None else {}
    session.negotiation.prefer(wish)
    greeted = session.restoration is not None
    return _begin(session, merged(session.negotiation.opening() or {}, wish), greeted=greeted, beside=beside)


def _begin(session: Session, asked: dict[str, Any], *, greeted: bool, beside: bool) -> list[Effect]:
    """One update for what the engine asks and what the application asked before; then all else that is restored, where
    it is the time for that."""
    effects: list[Effect] = []
    asked = session.barge_in.told(asked)
    if asked:
        session.negotiation.engine_asks(asked)
        effects.append(Send(orjson.dumps({"type": UPDATE, "event_id": UPDATE_ID, "session": asked})))
    if session.restoration is not None and greeted:
        effects += [Send(each) for each in session.restoration.begin(asked=bool(asked), beside=beside)]
    return effects


def _session_stated(session: Session, message: ServerMessage, _now_ns: int) -> list[Effect]:
    session.greeted = session.greeted or message.kind is Kind.SESSION_CREATED
    stated = turn_detection(message.fields.get("session"), speech_interrupts=session.dialect.speech_interrupts)
    session.detection = stated or session.detection
    complaint = session.barge_in.complaint
    if message.kind is Kind.SESSION_UPDATED and session.negotiation.all_answered:
        complaint = session.barge_in.answered(message.fields.get("session"))
    effects: list[Effect] = [Warn(complaint)] if complaint is not None else []
    expires_at = _expiry(message)
    if expires_at is not None and expires_at != session.expires_at:
        session.expires_at = expires_at
        effects.append(Expires(expires_at))
    return effects


def _expiry(message: ServerMessage) -> int | float | None:
    stated = message.fields.get("session")
    at = stated.get("expires_at") if isinstance(stated, dict) else None
    return at if isinstance(at, int | float) and not isinstance(at, bool) else None


def _refused(session: Session, message: ServerMessage, _now_ns: int) -> list[Effect]:
    session.responses.requests.refused(message.error)
    complaint = session.barge_in.refused() if message.error.get("event_id") == UPDATE_ID else None
    if complaint is not None:
        return [Warn(complaint)]
    if message.error.get("code") == "input_audio_buffer_commit_empty":
        session.clock.commit_refused()
    return [Expired()] if message.error.get("code") == "session_expired" else []


def _caller_speaks(session: Session, _message: ServerMessage, _now_ns: int) -> list[Effect]:
    session.clock.speech_started()
    if session.barge_in.policy is not BargeIn.SERVER or not session.detection.interrupts:
        return []
    return caller_interrupts(session, cancel=not session.detection.server_cancels)


def _caller_spoke(session: Session, _message: ServerMessage, now_ns: int) -> list[Effect]:
    session.responses.turn_ended()
    session.clock.speech_stopped(now_ns)
    return []


def _committed(session: Session, _message: ServerMessage, now_ns: int) -> list[Effect]:
    session.responses.turn_ended()
    session.clock.committed(now_ns)
    return []


def _response_begins(session: Session, message: ServerMessage, _now_ns: int) -> list[Effect]:
    check_id(message.response_id)
    session.responses.created(message.response_id, message.response.get("metadata"))
    return []


def _audio_is_over(session: Session, message: ServerMessage, _now_ns: int) -> list[Effect]:
    return [ForgetHalf(), EndAudio()] if session.responses.audio_done(message.response_id) else []


def _response_is_over(session: Session, message: ServerMessage, _now_ns: int) -> list[Effect]:
    response = message.response_id
    effects = _silence_response(session, response) if _is_cut(session, message) else []
    if session.responses.done(response):
        effects.append(EndAudio())
    return effects


_FOLLOW: dict[Kind, Callable[[Session, ServerMessage, int], list[Effect]]] = {
    Kind.SESSION_CREATED: _session_stated,
    Kind.SESSION_UPDATED: _session_stated,
    Kind.ERROR: _refused,
    Kind.SPEECH_STARTED: _caller_speaks,
    Kind.SPEECH_STOPPED: _caller_spoke,
    Kind.COMMITTED: _committed,
    Kind.RESPONSE_CREATED: _response_begins,
    Kind.AUDIO_DONE: _audio_is_over,
    Kind.RESPONSE_DONE: _response_is_over,
}


def _is_cut(session: Session, message: ServerMessage) -> bool:
    """Whether a response is over because it is not to be heard any more."""
    details = message.response.get("status_details")
    return isinstance(details, dict) and details.get("reason") in session.dialect.cut_reasons


# -- who falls silent


def _silence(session: Session, which: Which, *, tell: bool) -> list[Effect]:
    effects: list[Effect] = []
    if which is EVERYTHING or session.part is None or session.responses.silenced(session.part[0]):
        effects.append(ForgetHalf())
    effects.append(Silence(which, tell))
    return effects


def _silence_response(session: Session, response: str | None) -> list[Effect]:
    # Audio that names no response may be of this one.
    return _silence_responses(session, {response, None})


def _silence_responses(session: Session, names: set[str | None]) -> list[Effect]:
    """By the application's own message, which tells the server what it has to know; but for what was heard."""
    session.responses.interrupt(lambda name: name in names)
    return _silence(session, Which(session.number, frozenset(names)), tell=session.truncates)


def _cancel(session: Session, responses: list[str | None]) -> list[Effect]:
    if not session.dialect.cancels:
        return []
    return [Send(each) for each in session.interruption.cancel(responses, others=session.responses.any_announced)]
