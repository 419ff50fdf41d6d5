"""The caller's part: commands to the module and words to the agent, each when it is time for it."""

import json
from typing import Any

import pybase64

from ..local.voice import HibariVoice
from ..standin import Call, CallGoneError, StandIn
from .journal import Journal
from .script import Scenario
from .tape import PTIME_MS, RATE, Tape

API = "uuid_openai_audio_stream"
SILENCE_MS = 500
"""After which the server takes the caller's turn to be over."""
FINAL_MESSAGE: dict[str, Any] = {
    "type": "conversation.item.create",
    "item": {
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": "The caller has hung up."}],
    },
}
_SETTINGS: dict[str, Any] = {
    "type": "realtime",
    "instructions": "You answer the telephone of a bicycle workshop.",
    "audio": {
        "input": {
            "transcription": {"model": "gpt-4o-mini-transcribe"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": SILENCE_MS},
        }
    },
}
_ANSWER_S = 8.0
"""For what needs no speech to end first."""
_TURN_S = 25.0
"""For what comes at the end of a turn, however long."""


class RefusedError(Exception):
    """The module refused a command; the text says which, and what it replied."""


def encoded(value: Any) -> str:
    """A JSON value as the commands take it."""
    return pybase64.b64encode(json.dumps(value).encode()).decode()


class Dialogue:
    """One call's conversation; `hold` has it from greeting to goodbye."""

    def __init__(
        self, switch: StandIn, call: Call, tape: Tape, journal: Journal, conversation: Scenario, voice: HibariVoice
    ) -> None:
        self._switch = switch
        self._call = call
        self._tape = tape
        self._journal = journal
        self._conversation = conversation
        self._voice = voice

    def hold(self, url: str) -> None:
        """Raises SilentError, RefusedError, and CallGoneError or TimeoutError if the switch's clock stands still."""
        self._open(url)
        mark = self._greet()
        self._unmute_after(mark)
        for exchange in self._conversation.exchanges:
            if exchange.interrupts_after_ms is None:
                mark = self._journal.wait("openai_speech_stop", mark, _TURN_S)
                self._say(exchange.caller)
            else:
                self._call.wait_steps(exchange.interrupts_after_ms // PTIME_MS)
                self._say(exchange.caller)
                mark = self._journal.wait("openai_speech_stop", mark, _ANSWER_S)
            mark = self._journal.wait("openai_speech_start", mark, _TURN_S)
        self._journal.wait("openai_speech_stop", mark, _TURN_S)
        self._close()

    def _open(self, url: str) -> None:
        self._command("start", url, "mono", "24k", "24k", "mute_user")
        self._journal.wait("connect", 0, _ANSWER_S)
        self._journal.wait("session.created", 0, _ANSWER_S)
        self._command("send_json", encoded({"type": "session.update", "session": _SETTINGS}))
        self._journal.wait("session.updated", 0, _ANSWER_S)

    def _greet(self) -> int:
        """Until the greeting begins; returns a mark behind that."""
        mark = self._journal.mark()
        self._command("send_json", encoded({"type": "response.create"}))
        mark = self._journal.wait("openai_speech_start", mark, _ANSWER_S)
        self._say(self._conversation.said_while_muted)
        return mark

    def _unmute_after(self, mark: int) -> None:
        """When the greeting has been heard."""
        self._journal.wait("openai_speech_stop", mark, _TURN_S)
        self._command("unmute", "user")

    def _close(self) -> None:
        mark = self._journal.mark()
        self._command("list")
        self._command("stop", encoded(FINAL_MESSAGE))
        self._journal.wait("disconnect", mark, _ANSWER_S)

    def _say(self, line: str) -> None:
        samples = self._voice.speak_now(line, RATE)
        begin = self._tape.say(samples)
        begin_ns = self._tape.origin_ns + begin * 1_000_000_000 // RATE
        self._journal.add("caller", "says", line, begin_ns)

    def _command(self, verb: str, *arguments: str) -> None:
        reply = self._switch.api(API, " ".join((self._call.uuid, verb, *arguments))).strip()
        self._journal.add("command", verb, {"arguments": list(arguments), "reply": reply})
        if not reply.startswith("+OK"):
            raise RefusedError(f"{verb}: {reply}")


FAILURES = (RefusedError, CallGoneError, TimeoutError)
"""What `hold` raises besides SilentError."""
