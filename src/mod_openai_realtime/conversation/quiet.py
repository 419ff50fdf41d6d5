"""Whether a session may be left: nothing would be lost that only it knows. Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable

from ..dialect.messages import Kind, ServerMessage
from .turn import TurnClock

ANSWER_WITHIN_NS = 5_000_000_000
"""So long an answer is waited for after the caller has spoken, or after it was asked for; and the transcript of what
the caller said, without which a new session is told nothing of it."""

MAX_WAITED_FOR = 16
"""Of each kind; of an older one nothing is expected any more."""


class Quiet:
    """Of one session. Times, handed in, are CLOCK_MONOTONIC in ns."""

    def __init__(self, clock: TurnClock, *, transcripts: bool) -> None:
        """`transcripts`: they count."""
        self._clock = clock
        self._transcripts = transcripts
        self._answer_until_ns = 0
        self._transcripts_until_ns: dict[str, int] = {}  # by item
        self._calls: dict[str, None] = {}  # of functions, without an output yet

    def at(self, now_ns: int, *, caller_is_heard: bool = True) -> bool:
        """The caller does not speak, as far as the server tells, and nothing is owed. `caller_is_heard`: where nothing
        of them is sent, they do not, whatever was told before."""
        if self._calls or now_ns < self._answer_until_ns:
            return False
        if any(now_ns < until for until in self._transcripts_until_ns.values()):
            return False
        return not (self._clock.speaking and caller_is_heard)

    def asked(self, now_ns: int) -> None:
        """The application has asked for a response."""
        self._answer_until_ns = now_ns + ANSWER_WITHIN_NS

    def server_said(self, message: ServerMessage, now_ns: int) -> None:
        follow = _KINDS.get(message.kind) or _TYPES.get(message.type)
        if follow is not None:
            follow(self, message, now_ns)

    def _transcribed(self, message: ServerMessage, _now_ns: int) -> None:
        self._transcripts_until_ns.pop(message.item_id or "", None)

    def _called(self, message: ServerMessage, _now_ns: int) -> None:
        call_id = message.fields.get("call_id")
        if isinstance(call_id, str):
            self._calls[call_id] = None
            if len(self._calls) > MAX_WAITED_FOR:
                del self._calls[next(iter(self._calls))]

    def _created(self, message: ServerMessage, now_ns: int) -> None:
        item = message.fields.get("item")
        if isinstance(item, dict) and item.get("type") == "function_call_output":
            self._calls.pop(str(item.get("call_id")), None)
            self.asked(now_ns)

    def _turn_ended(self, message: ServerMessage, now_ns: int) -> None:
        self.asked(now_ns)
        if self._transcripts and message.kind is Kind.COMMITTED and message.item_id is not None:
            self._transcripts_until_ns[message.item_id] = now_ns + ANSWER_WITHIN_NS
            if len(self._transcripts_until_ns) > MAX_WAITED_FOR:
                del self._transcripts_until_ns[next(iter(self._transcripts_until_ns))]

    def _answered(self, _message: ServerMessage, _now_ns: int) -> None:
        self._answer_until_ns = 0


_Follow = Callable[[Quiet, ServerMessage, int], None]
_KINDS: dict[Kind, _Follow] = {
    Kind.SPEECH_STOPPED: Quiet._turn_ended,
    Kind.COMMITTED: Quiet._turn_ended,
    Kind.RESPONSE_CREATED: Quiet._answered,
}
_TYPES: dict[str | None, _Follow] = {
    "conversation.item.input_audio_transcription.completed": Quiet._transcribed,
    "conversation.item.input_audio_transcription.failed": Quiet._transcribed,
    "response.function_call_arguments.done": Quiet._called,
    "conversation.item.added": Quiet._created,
    "conversation.item.created": Quiet._created,
}
