"""What the page shows of a call: the conversation, as the module's events tell of it. Sans-I/O.

An entry is a dict that the page shows by its `id`: one with an id that it has takes the place of that. Of the agent's
words `text` is what was heard, or still may be, and `unheard` what was not.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ..agent.fields import object_of, text_of
from ..agent.wording import outcome
from ..conversation.items import Part

MAX_ENTRIES = 400
"""Older ones are not changed any more."""
MAX_TEXT = 16_000
"""Characters of one."""
MAX_REASONS = 16
ONE_LINE = 70
"""Characters of JSON that need no lines of their own."""
Message = dict[str, Any]
_MS_NS = 1_000_000


class View:
    """Of one call."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, Message] = OrderedDict()
        self._parts: dict[str, Part] = {}  # of the agent's entries
        self._tool_began_ns: dict[str, int] = {}
        self._untranscribed: set[str] = set()  # why
        self._notices = 0

    # -- what is told

    def event(self, name: str, body: str, at_ns: int) -> list[Message]:
        """An event of the stream, by its subclass; -> messages for the page."""
        try:
            fields = object_of(orjson.loads(body))
        except orjson.JSONDecodeError:
            return []
        if name == "json":
            handler = _SERVER.get(text_of(fields.get("type")))
            return handler(self, fields, at_ns) if handler is not None else []
        match name:
            case "connect":
                return [_state("connected")]
            case "openai_speech_start":
                return [_state("speaking")]
            case "openai_speech_stop":
                return [_state("listening")]
            case "turn":
                return self._turn(fields)
            case "disconnect":
                return self._disconnected(object_of(fields.get("message")))
            case "summary":
                return [*self._left_open(), {"type": "summary", "figures": _figures(fields)}]
        return []

    def warned(self, text: str) -> list[Message]:
        """Something for whoever looks after the agent: a line of the log, which holds no key."""
        if any(each in text for each in self._untranscribed):
            return []  # it stands beside the words that are missing
        self._notices += 1
        return self._show({"id": f"notice-{self._notices}", "who": "notice", "text": text[:MAX_TEXT]})

    # -- the caller

    def _caller_began(self, fields: Mapping[str, Any], _at_ns: int) -> list[Message]:
        began = fields.get("audio_start_ms")
        return self._caller(fields, state="speaking", began_ms=began if isinstance(began, int) else None)

    def _caller_stopped(self, fields: Mapping[str, Any], _at_ns: int) -> list[Message]:
        began = self._entries.get(text_of(fields.get("item_id")), {}).get("began_ms")
        ended = fields.get("audio_end_ms")
        spoke = {"spoke_ms": ended - began} if isinstance(began, int) and isinstance(ended, int) else {}
        return self._caller(fields, state="waiting", **spoke)

    def _caller_committed(self, fields: Mapping[str, Any], _at_ns: int) -> list[Message]:
        return self._caller(fields, state="waiting")

    def _caller_words(self, fields: Mapping[str, Any], _at_ns: int) -> list[Message]:
        before = text_of(self._entries.get(text_of(fields.get("item_id")), {}).get("text"))
        return self._caller(fields, text=(before + text_of(fields.get("delta")))[:MAX_TEXT])

    def _caller_transcript(self, fields: Mapping[str, Any], _at_ns: int) -> list[Message]:
        return self._caller(fields, state="done", text=text_of(fields.get("transcript"))[:MAX_TEXT])

    def _caller_unknown(self, fields: Mapping[str, Any], _at_ns: int) -> list[Message]:
        why = text_of(object_of(fields.get("error")).get("message"))[:MAX_TEXT]
        if why and len(self._untranscribed) < MAX_REASONS:
            self._untranscribed.add(why)
        return self._caller(fields, state="unknown", error=why)

    def _caller(self, fields: Mapping[str, Any], **changes: Any) -> list[Message]:
        item = text_of(fields.get("item_id"))
        return self._show({"id": item, "who": "caller", "text": "", **self._entries.get(item, {}), **changes})

    # -- the agent

    def _agent_words(self, fields: Mapping[str, Any], _at_ns: int) -> list[Message]:
        part = self._part(text_of(fields.get("response_id")))
        part.text = (text_of(part.text) + text_of(fields.get("delta")))[:MAX_TEXT]
        return self._agent(text_of(fields.get("response_id")))

    def _agent_transcript(self, fields: Mapping[str, Any], _at_ns: int) -> list[Message]:
        self._part(text_of(fields.get("response_id"))).text = text_of(fields.get("transcript"))[:MAX_TEXT]
        return self._agent(text_of(fields.get("response_id")))

    def _turn(self, fields: Mapping[str, Any]) -> list[Message]:
        response = text_of(fields.get("response_id"))
        part, heard, received = self._part(response), fields.get("heard_ms", 0), fields.get("received_ms", 0)
        interrupted = fields.get("interrupted") is True
        if interrupted:
            part.cut(heard / received if received else 0.0)
        latency = object_of(fields.get("latency_ms")).get("speech_end_to_first_sample")
        state = "interrupted" if interrupted else "done"
        return self._agent(response, state=state, heard_ms=heard, latency_ms=latency)

    def _agent(self, response: str, **changes: Any) -> list[Message]:
        part = self._part(response)
        words, heard = text_of(part.text), part.heard_text
        known: Message = self._entries.get(response, {"state": "speaking"})
        said = {"text": heard, "unheard": words[len(heard) :].strip()}
        return self._show({**known, "id": response, "who": "agent", **said, **changes})

    def _part(self, response: str) -> Part:
        return self._parts.setdefault(response, Part(""))

    # -- tools, and what is put into the conversation

    def _item_done(self, fields: Mapping[str, Any], at_ns: int) -> list[Message]:
        """The model has said all of an item."""
        item = object_of(fields.get("item"))
        call = text_of(item.get("call_id"))
        if item.get("type") != "function_call" or call in self._entries:
            return []
        self._tool_began_ns[call] = at_ns
        arguments, _ = outcome(text_of(item.get("arguments")) or "{}")
        tool = {"name": text_of(item.get("name")), "arguments": _shown(arguments)}
        return self._show({"id": call, "who": "tool", "state": "running", **tool})

    def _item_added(self, fields: Mapping[str, Any], at_ns: int) -> list[Message]:
        item = object_of(fields.get("item"))
        if item.get("type") == "function_call_output":
            return self._tool_answered(text_of(item.get("call_id")), text_of(item.get("output")), at_ns)
        name = text_of(item.get("id"))
        content = item.get("content")
        parts = [object_of(each) for each in content] if isinstance(content, list) else []
        texts = [text_of(each.get("text")) for each in parts if each.get("type") == "input_text"]
        if not texts or name in self._entries:
            return []
        return self._show({"id": name, "who": "told", "text": " ".join(texts)[:MAX_TEXT]})

    def _tool_answered(self, call: str, output: str, at_ns: int) -> list[Message]:
        known = self._entries.get(call)
        began = self._tool_began_ns.pop(call, None)
        if known is None or began is None:
            return []  # of another session: it is there already
        result, error = outcome(output)
        told = {"state": "failed", "error": error} if error is not None else {"state": "done", "result": _shown(result)}
        return self._show({**known, **told, "took_ms": (at_ns - began) // _MS_NS})

    # -- the rest

    def _disconnected(self, message: Mapping[str, Any]) -> list[Message]:
        code = message.get("code")
        if code == 1000:
            return []
        why = f"{code} {text_of(message.get('reason'))}".strip()
        return [_state("calling"), *self.warned(f"The connection to the model was lost ({why}).")]

    def _left_open(self) -> list[Message]:
        """At the end of the stream: nothing more is to come of them."""
        ends = {("tool", "running"): "over", ("caller", "speaking"): "unknown", ("caller", "waiting"): "unknown"}
        entries = [(each, ends.get((each["who"], each.get("state", "")))) for each in self._entries.values()]
        return [shown for each, end in entries if end for shown in self._show({**each, "state": end})]

    def _show(self, entry: Message) -> list[Message]:
        entry["type"] = "entry"
        name = entry["id"]
        self._entries[name] = entry
        if len(self._entries) > MAX_ENTRIES:
            oldest, _ = self._entries.popitem(last=False)
            self._parts.pop(oldest, None)
            self._tool_began_ns.pop(oldest, None)
        return [entry]


def _state(state: str) -> Message:
    return {"type": "state", "state": state}


def _shown(value: Any) -> str:
    """Text as it is, all else as JSON."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if not isinstance(value, str) and len(text) > ONE_LINE:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return text[:MAX_TEXT]


def _figures(summary: Mapping[str, Any]) -> dict[str, Any]:
    usage = object_of(summary.get("usage"))
    names = ("duration_ms", "turns", "interruptions", "latency_ms", "underruns", "error")
    tokens = {name: usage.get(name) for name in ("input_tokens", "output_tokens")}
    return {**{name: summary.get(name) for name in names}, **tokens}


_Handler = Callable[[View, Mapping[str, Any], int], list[Message]]
# Names of the older protocol mean the same as the present ones.
_SERVER: dict[str, _Handler] = {
    "input_audio_buffer.speech_started": View._caller_began,
    "input_audio_buffer.speech_stopped": View._caller_stopped,
    "input_audio_buffer.committed": View._caller_committed,
    "conversation.item.input_audio_transcription.delta": View._caller_words,
    "conversation.item.input_audio_transcription.completed": View._caller_transcript,
    "conversation.item.input_audio_transcription.failed": View._caller_unknown,
    "response.output_audio_transcript.delta": View._agent_words,
    "response.audio_transcript.delta": View._agent_words,
    "response.output_audio_transcript.done": View._agent_transcript,
    "response.audio_transcript.done": View._agent_transcript,
    "response.output_item.done": View._item_done,
    "conversation.item.added": View._item_added,
    "conversation.item.created": View._item_added,
}
