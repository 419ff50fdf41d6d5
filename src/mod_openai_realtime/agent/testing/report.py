"""What happened in a call, told in the order of time: what a test that fails says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...local.recording import ConnectionRecord, Handshake
from .tool_runs import ToolRun
from .transcript import Utterance

_LAST_LINES = 30
_REFUSED = 400
_SHOWN = 300
_NAMES_WIDTH = 10


@dataclass(frozen=True, slots=True)
class Happening:
    """`at_s`: since the call began."""

    at_s: float
    who: str
    what: str

    def __str__(self) -> str:
        return f"  {self.at_s:5.1f} s  {self.who:{_NAMES_WIDTH}}{self.what}"


def heard(utterances: Iterable[Utterance], unscripted: frozenset[str]) -> list[Happening]:
    """`unscripted`: what the model has said for want of a script."""
    why = " (nothing was scripted, so the model said its instructions)"
    return [
        Happening(each.began_s, "agent", each.told() + (why if each.meant in unscripted else "")) for each in utterances
    ]


def tools(runs: Iterable[tuple[float, ToolRun]]) -> list[Happening]:
    return [Happening(at_s, "tool", short(str(run))) for at_s, run in runs]


def connections(records: Sequence[ConnectionRecord], handshakes: Iterable[Handshake], began: float) -> list[Happening]:
    """Of the endpoint: what it refused, responses that came to nothing, errors. `began`: of the call, as Message.at."""
    found = [
        Happening(each.at - began, "endpoint", f"refused the connection: HTTP {each.status}")
        for each in handshakes
        if each.status >= _REFUSED
    ]
    for record in records:
        for message in record.sent:
            text = _complaint(message.event or {})
            if text is not None:
                found.append(Happening(message.at - began, "endpoint", short(text)))
    return found


def _complaint(event: dict[str, Any]) -> str | None:
    if event.get("type") == "error":
        return f"refused what it was sent: {event['error'].get('message')}"
    if event.get("type") == "response.done" and event["response"].get("status") == "failed":
        error = (event["response"].get("status_details") or {}).get("error") or {}
        return f"a response failed: {error.get('message') or error.get('code') or 'without a reason'}"
    return None


def story(happenings: Iterable[Happening], trouble: Sequence[str]) -> str:
    """`trouble`: lines that the engine and the agent have written."""
    lines = [str(each) for each in sorted(happenings, key=lambda each: each.at_s)] or ["  nothing"]
    text = "\n".join(["What happened:", *lines])
    if trouble:
        last = trouble[-_LAST_LINES:]
        text += "\n".join(["\nThe agent's process and the engine wrote:", *(f"  {line}" for line in last)])
    return text


def short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
