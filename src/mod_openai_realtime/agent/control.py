"""What is done to a call, in FreeSWITCH's words: each function checks what it is given, and says what the worker is
asked to execute. Raises CallError where that can't be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .errors import CallError
from .messages import Execute, Facts, Kind

_DIGITS = re.compile(r"^[0-9A-Da-d*#]{1,128}$")
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.:-]*$")
_CAUSE = re.compile(r"^[A-Z0-9_]+$")
_WORD = re.compile(r"^[^\s]+$")
_SHOWN = re.compile(r"^[\w+*#.-]{1,64}$")
"""Of a caller's number and name; what is anything else is not shown."""


@dataclass(frozen=True, slots=True)
class Request:
    kind: Kind
    name: str
    arguments: str = ""

    def numbered(self, number: int) -> Execute:
        return Execute(number, self.kind, self.name, self.arguments)


def transfer(extension: str, context: str | None, dialplan: str) -> Request:
    for what, word in (("extension", extension), ("context", context or "default"), ("dialplan", dialplan)):
        _match(_WORD, word, what)
    return Request("transfer", extension, f"{dialplan} {context}" if context else dialplan)


def refer(uri: str) -> Request:
    _match(_WORD, uri, "URI")
    return Request("refer", uri)


def bridge(dial_string: str, *, until: Literal["connected", "ended"]) -> Request:
    """Done when the parties are connected, or when one of them has hung up."""
    return Request("bridge", until, _line(dial_string))


def originate(uuid: str, dial_string: str, timeout_s: float, agent: str, caller: Facts) -> Request:
    """A new channel of that uuid, in which an agent begins when it is answered. The other party's telephone shows who
    `caller` is, where the dial string says nothing else."""
    _match(_WORD, dial_string, "dial string")
    variables = f"origination_uuid={uuid},originate_timeout={max(1, round(timeout_s))},ignore_early_media=true"
    if _SHOWN.match(caller.caller_number):
        variables += f",origination_caller_id_number={caller.caller_number}"
    if _SHOWN.match(caller.caller_name):
        variables += f",origination_caller_id_name='{caller.caller_name}'"
    return Request("originate", uuid, f"{{{variables}}}{dial_string} &openai_agent({agent})")


def end(uuid: str) -> Request:
    """Another channel, whatever it does."""
    return Request("api", "uuid_kill", uuid)


def hang_up(cause: str) -> Request:
    _match(_CAUSE, cause, "cause")
    return Request("hang_up", cause)


def send_digits(digits: str) -> Request:
    _match(_DIGITS, digits, "digits")
    return Request("send_digits", digits)


def get_variable(name: str) -> Request:
    _match(_NAME, name, "variable")
    return Request("get_variable", name)


def set_variable(name: str, value: str) -> Request:
    _match(_NAME, name, "variable")
    return Request("set_variable", name, _line(value))


def application(name: str, data: str) -> Request:
    _match(_NAME, name, "application")
    return Request("application", name, _line(data))


def api(command: str, arguments: str) -> Request:
    _match(_NAME, command, "command")
    return Request("api", command, _line(arguments))


def stream(verb: str, arguments: str = "") -> Request:
    return Request("stream", verb, arguments)


def hold(to: Literal["on", "off", "silent"]) -> Request:
    return Request("hold", to)


def record(path: str) -> Request:
    return stream("record", _line(path))


def stop_recording() -> Request:
    return stream("record", "stop")


def _match(pattern: re.Pattern[str], text: str, what: str) -> None:
    if not pattern.match(text) or "\0" in text:
        raise CallError(f"{text!r} is no {what}")


def _line(text: str) -> str:
    if "\0" in text or "\n" in text or "\r" in text:
        raise CallError("what FreeSWITCH is told has no line breaks")
    return text
