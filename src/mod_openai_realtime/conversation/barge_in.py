"""What the caller's voice does to the agent's, and what a server is asked for so that it does no more. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from ..dialect.dialect import Dialect, Shape
from ..dialect.session_formats import typed
from .session_wishes import merged

_NESTED = ("audio", "input", "turn_detection")
_FLAT = ("turn_detection",)
_LEAVES_ANSWERS = "interrupt_response"
_NOTHING: Any = object()


class BargeIn(StrEnum):
    """STREAM_BARGE_IN."""

    SERVER = "server"  # it interrupts, as the session's turn detection has it
    OFF = "off"  # nothing
    CONFIRM = "confirm"  # the agent waits, and is interrupted once the caller has gone on speaking


class BargeInTerms:
    """Of one session: the server is to leave its answers alone when the caller speaks, as the engine decides."""

    def __init__(self, wanted: BargeIn, dialect: Dialect, *, asks: bool) -> None:
        """`asks`: there is a session to ask for it, and an agent to be heard."""
        self._wanted = wanted
        self._dialect = dialect
        self._wants = asks and wanted is not BargeIn.SERVER
        self._asked = False
        self._by_application = False  # it has chosen the turn detection of this session
        self._by_engine = False  # that has asked for it
        self._in_vain = self._wants and not dialect.leaves_answers

    @property
    def policy(self) -> BargeIn:
        """In effect: nothing can be confirmed after the server has cancelled the answer by itself."""
        in_vain = self._in_vain and self._wanted is BargeIn.CONFIRM
        return BargeIn.SERVER if in_vain else self._wanted

    def of_application(self, session: object) -> dict[str, Any] | None:
        """The session of a `session.update` that it wants to send, with that in it; None where it stays as it is."""
        if not isinstance(session, dict):
            return None
        told = self._told(session)
        return told if told != session else None

    def application_sent(self, session: object) -> None:
        """One has gone out."""
        self._by_application = self._by_application or _has_detection(session)

    def told(self, session: dict[str, Any]) -> dict[str, Any]:
        """What the engine asks of a session, with that in it wherever it has turn detection."""
        told = self._told(session)
        self._by_engine = self._by_engine or _has_detection(told)
        return told

    def _told(self, session: dict[str, Any]) -> dict[str, Any]:
        if not self._wants:
            return session
        for path in _PATHS:
            detection = _at(session, path)
            if not isinstance(detection, dict):
                continue
            if self._dialect.leaves_answers:
                session = merged(session, _nested(path, {_LEAVES_ANSWERS: False}))
            elif detection.get(_LEAVES_ANSWERS) is False:
                rest = {name: value for name, value in detection.items() if name != _LEAVES_ANSWERS}
                session = _replaced(session, path, rest)  # such a server refuses the whole of it
        return session

    def first(self, session: dict[str, Any], stated: object) -> dict[str, Any]:
        """What a session that has just begun is asked for (empty: nothing) with that in it, also where it was not to
        have turn detection of its own. `stated`: the session, as the server has it."""
        if not self._wants or self._asked:
            return session
        self._asked = True
        if _has_detection(session) or self._by_application or not self._dialect.leaves_answers:
            return self.told(session)
        found = [value for path in _PATHS if (value := _at(stated, path)) is not _NOTHING]
        if found and not isinstance(found[0], dict):
            return session  # it has none, so nothing interrupts
        now = {name: value for name, value in found[0].items() if value is not None} if found else {}
        if now.get(_LEAVES_ANSWERS) is False:
            return session
        if self._dialect.detection and now.get("type") != self._dialect.detection:
            now = {"type": self._dialect.detection}
        path = _FLAT if self._dialect.shape in (Shape.FLAT, Shape.HALF) else _NESTED
        wish = _nested(path, {"type": "server_vad", **now})
        return self.told(merged(session, wish) if session else typed(self._dialect, wish))

    def answered(self, session: object) -> str | None:
        """The server has stated the session, after all that it was asked. What is to be told of that, if anything."""
        if not self._wants or self._in_vain:
            return None
        stated = [_at(session, path) for path in _PATHS]
        self._in_vain = any(isinstance(each, dict) and each.get(_LEAVES_ANSWERS) is True for each in stated)
        return self.complaint

    def refused(self) -> str | None:
        """The server refuses what the engine asked of the session. What is to be told of that, if anything."""
        self._in_vain = self._in_vain or (self._wants and self._by_engine)
        return self.complaint

    @property
    def complaint(self) -> str | None:
        """Where the server can't be asked for it."""
        if not self._in_vain:
            return None
        then = "barge-ins are the server's" if self._wanted is BargeIn.CONFIRM else "what it cancels is heard so far"
        return (
            f"STREAM_BARGE_IN={self._wanted}: the server ({self._dialect.name}) interrupts its answers by itself, and "
            f"does not take `{_LEAVES_ANSWERS}`: {then}"
        )


_PATHS = (_NESTED, _FLAT)


def _has_detection(session: object) -> bool:
    """Also where it says that there is to be none."""
    return any(_at(session, path) is not _NOTHING for path in _PATHS)


def _at(session: object, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(session, dict) or name not in session:
            return _NOTHING
        session = session[name]
    return session


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    result: dict[str, Any] = value
    return result


def _replaced(session: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    return {**session, name: _replaced(session[name], tuple(rest), value) if rest else value}
