"""What the agent said, as far as it was heard. Sans-I/O.

A response is over in two senses: the server has sent all of it, and the caller has heard all of it, or all that will
be. Only both make a turn of it. Which part was heard is what the channel really sent; words are cut in proportion.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..conversation.items import Part
from .fields import object_of, text_of
from .messages import TurnHeard
from .values import Heard

MAX_UTTERANCES = 64
"""Responses that are not over."""
MAX_TEXT = 64 << 10
"""Characters of one."""

_AUDIO = ("response.output_audio", "response.audio")


@dataclass(slots=True)
class Utterance:
    """A response. `texts`: transcripts by item."""

    response_id: str
    at: datetime
    texts: dict[str, str] = field(default_factory=dict)
    has_audio: bool = False
    sent: bool = False
    """The server has sent all of it."""
    status: str = ""
    turn: TurnHeard | None = None
    heard_text: str | None = None
    """Where it was cut."""

    @property
    def text(self) -> str:
        return " ".join(text.strip() for text in self.texts.values() if text.strip())

    def heard(self) -> Heard:
        if self.turn is None or self.turn.heard_ms <= 0:
            return Heard("", 0, True)
        text = self.text if self.heard_text is None else self.heard_text
        return Heard(text, self.turn.heard_ms, self.turn.interrupted)


class Speech:
    """The responses of a call that are not over yet."""

    def __init__(self) -> None:
        self._utterances: OrderedDict[str, Utterance] = OrderedDict()
        self.idle = True
        """Nothing waits to be heard."""

    def server_said(self, event: Mapping[str, Any], at: datetime) -> list[Utterance]:
        """Any message of the server; -> what is over with it."""
        kind = event.get("type")
        if not isinstance(kind, str):
            return []
        response_id = text_of(event.get("response_id"))
        if kind == "response.created":
            self._utterance(text_of(object_of(event.get("response")).get("id")), at)
        elif kind.startswith(_AUDIO) and response_id:
            self._says(self._utterance(response_id, at), kind, event)
        elif kind == "response.done":
            response = object_of(event.get("response"))
            return self.ended(text_of(response.get("id")), text_of(response.get("status")))
        return []

    def ended(self, response_id: str, status: str) -> list[Utterance]:
        """The server sends no more of it."""
        utterance = self._utterances.get(response_id)
        if utterance is None:
            return []
        utterance.sent, utterance.status = True, status
        return self._take(utterance) if self._is_over(utterance) else []

    def turn(self, turn: TurnHeard, at: datetime) -> list[Utterance]:
        """It is over in the caller's ear."""
        utterance = self._utterances.get(turn.response_id or "")
        if utterance is None:
            # An utterance that names no response: audio that had none, or one that was forgotten.
            return []
        utterance.turn = turn
        if turn.interrupted:
            part = Part(utterance.text)
            part.cut(turn.heard_ms / turn.received_ms if turn.received_ms else 0.0)
            utterance.heard_text = part.heard_text
        return self._take(utterance) if utterance.sent else []

    def playback(self, idle: bool) -> list[Utterance]:
        self.idle = idle
        over = [each for each in self._utterances.values() if self._is_over(each)] if idle else []
        return [taken for each in over for taken in self._take(each)]

    def lost(self) -> list[Utterance]:
        """The connection: no more comes of any response. What has come is still heard."""
        return [taken for each in list(self._utterances) for taken in self.ended(each, "lost")]

    def end(self) -> list[Utterance]:
        """The call is over."""
        self.idle = True
        for each in self._utterances.values():
            each.sent = True
        return [taken for each in list(self._utterances.values()) for taken in self._take(each)]

    def _is_over(self, utterance: Utterance) -> bool:
        return utterance.sent and (utterance.turn is not None or not utterance.has_audio or self.idle)

    def _take(self, utterance: Utterance) -> list[Utterance]:
        self._utterances.pop(utterance.response_id, None)
        return [utterance]

    def _utterance(self, response_id: str, at: datetime) -> Utterance:
        found = self._utterances.get(response_id)
        if found is None:
            found = self._utterances[response_id] = Utterance(response_id, at)
            if len(self._utterances) > MAX_UTTERANCES:
                self._utterances.popitem(last=False)
        return found

    def _says(self, utterance: Utterance, kind: str, event: Mapping[str, Any]) -> None:
        utterance.has_audio = True
        item = text_of(event.get("item_id"))
        if kind.endswith("_transcript.delta"):
            before = utterance.texts.get(item, "")
            if len(before) < MAX_TEXT:
                utterance.texts[item] = before + text_of(event.get("delta"))
        elif kind.endswith("_transcript.done"):
            utterance.texts[item] = text_of(event.get("transcript"))[:MAX_TEXT]
