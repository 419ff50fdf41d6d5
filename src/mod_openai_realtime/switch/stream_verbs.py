"""The verbs of a channel's streams: for each one row, with its grammar, what it does and its usage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import orjson

from . import reasons
from .command import (
    DEFAULT_STREAM,
    Break,
    Command,
    CommandError,
    List,
    Mute,
    MuteTarget,
    Pause,
    Resume,
    SendJson,
    Start,
    Stop,
    StreamCommand,
    Unmute,
)
from .payload import PayloadError, decode_payload
from .refusal import CommandRefusedError
from .start_grammar import FORMS, NOTE, parse_start
from .verb import Order, Verb, VerbTable

if TYPE_CHECKING:
    from ..stream.stream import Stream


class Streams(Protocol):
    """The streams of a channel, as commands see them."""

    def named(self, name: str, /) -> Stream:
        """Raises CommandRefusedError."""

    def listed(self) -> list[Stream]: ...
    def start(self, order: Order, start: Start, /) -> None:
        """The reply comes when the media bug is on, or that has failed. Raises CommandRefusedError."""

    def give_up(self, order: Order, name: str, /) -> bool:
        """Whether a stream of that name was being opened: it will not come."""

    def close(self, order: Order, stream: Stream, /) -> None:
        """The media bug of a stream that has been stopped goes; the reply to the order comes after that."""


_MUTE_TARGETS = {
    "user": MuteTarget.USER,
    "send": MuteTarget.USER,
    "openai": MuteTarget.OPENAI,
    "recv": MuteTarget.OPENAI,
    "all": MuteTarget.ALL,
    "both": MuteTarget.ALL,
}
_TARGETS = "[user|openai|all]"

_Plain = TypeVar("_Plain", Pause, Resume, Break)
_Muting = TypeVar("_Muting", Mute, Unmute)
_OnStream = TypeVar("_OnStream", bound=StreamCommand)


# -- grammar


def _plain(command: type[_Plain], refusal: str) -> Callable[[str | None, list[str]], _Plain]:
    def parse(selector: str | None, words: list[str]) -> _Plain:
        if words:
            raise CommandError(refusal)
        return command(selector or DEFAULT_STREAM, selector is not None)

    return parse


def _muting(command: type[_Muting]) -> Callable[[str | None, list[str]], _Muting]:
    def parse(selector: str | None, words: list[str]) -> _Muting:
        if len(words) > 1:
            raise CommandError(reasons.MUTE_TAKES_ONE_TARGET)
        target = _MUTE_TARGETS.get(words[0].lower()) if words else MuteTarget.USER
        if target is None:
            raise CommandError(reasons.INVALID_MUTE_TARGET)
        return command(selector or DEFAULT_STREAM, selector is not None, target)

    return parse


def _parse_stop(selector: str | None, words: list[str]) -> Stop:
    if len(words) > 1:
        raise CommandError(reasons.STOP_TAKES_ONE_PAYLOAD)
    return Stop(selector or DEFAULT_STREAM, selector is not None, words[0] if words else None)


def _parse_send_json(selector: str | None, words: list[str]) -> SendJson:
    if len(words) != 1:
        raise CommandError(reasons.SEND_JSON_NEEDS_ONE_PAYLOAD)
    return SendJson(selector or DEFAULT_STREAM, selector is not None, words[0])


def _parse_list(selector: str | None, words: list[str]) -> List:
    if words:
        raise CommandError(reasons.LIST_TAKES_ONLY_SELECTOR)
    return List(selector)


# -- what they do


def _to_stream(act: Callable[[Stream, _OnStream], None]) -> Callable[[Streams, Order, _OnStream], str]:
    def run(streams: Streams, _order: Order, command: _OnStream) -> str:
        act(streams.named(command.stream), command)
        return reasons.SUCCESS

    return run


def _start(streams: Streams, order: Order, command: Start) -> None:
    streams.start(order, command)


def _stop(streams: Streams, order: Order, command: Stop) -> str:
    if streams.give_up(order, command.stream):
        return reasons.SUCCESS
    stream, payload, failed = streams.named(command.stream), None, None
    if command.payload is not None:
        try:
            payload = _decoded(command.payload)
        except CommandRefusedError as error:
            failed = error.reason
    try:
        stream.stop(payload)
    except CommandRefusedError as error:
        failed = error.reason
    streams.close(order, stream)
    if failed is not None:
        raise CommandRefusedError(reasons.final_message_failed(failed))
    return reasons.SUCCESS


def _list(streams: Streams, _order: Order, command: List) -> str:
    listed = streams.listed() if command.stream is None else [streams.named(command.stream)]
    return "+OK " + orjson.dumps([stream.describe() for stream in listed]).decode()


def _decoded(payload: str) -> bytes:
    try:
        return decode_payload(payload)
    except PayloadError as error:
        raise CommandRefusedError(error.reason) from None


STREAM_VERBS: VerbTable[Streams] = VerbTable(
    Verb("start", tuple(f"start {form}" for form in FORMS), parse_start, _start),
    Verb("stop", ("stop [base64-json]",), _parse_stop, _stop),
    Verb(
        "pause",
        ("pause",),
        _plain(Pause, reasons.PAUSE_TAKES_NO_ARGUMENTS),
        _to_stream(lambda stream, _: stream.pause()),
    ),
    Verb(
        "resume",
        ("resume",),
        _plain(Resume, reasons.PAUSE_TAKES_NO_ARGUMENTS),
        _to_stream(lambda stream, _: stream.resume()),
    ),
    Verb(
        "break",
        ("break",),
        _plain(Break, reasons.BREAK_TAKES_NO_ARGUMENTS),
        _to_stream(lambda stream, _: stream.silence()),
    ),
    Verb(
        "mute",
        (f"mute {_TARGETS}",),
        _muting(Mute),
        _to_stream(lambda stream, command: stream.mute(command.target)),
    ),
    Verb(
        "unmute",
        (f"unmute {_TARGETS}",),
        _muting(Unmute),
        _to_stream(lambda stream, command: stream.unmute(command.target)),
    ),
    Verb(
        "send_json",
        ("send_json <base64-json>",),
        _parse_send_json,
        _to_stream(lambda stream, command: stream.send_json(_decoded(command.payload))),
    ),
    Verb("list", ("list [stream=<name>]",), _parse_list, _list),
    note=NOTE,
)


def parse_command(arguments: str) -> Command:
    """A command on a stream: `arguments` is all that follows the channel's uuid. Raises CommandError."""
    command: Command = STREAM_VERBS.parse(arguments)[1]
    return command
