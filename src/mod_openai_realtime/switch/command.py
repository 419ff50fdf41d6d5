"""The commands of a channel: from the text of an API call to one checked command object.

What the grammar leaves open is settled here:

- Arguments are divided by ASCII white space. One that is wholly within single quotes loses them, as it does anywhere in
  FreeSWITCH; there are no escapes.
- The limit of 15 arguments counts the channel's uuid, so 14 may follow it.
- The selector `stream=<name>` may stand anywhere after the verb. Verbs, `mute_user` and mute targets ignore case; the
  selector, mix types, directions and the `k` of rates don't.
- Of `start`: the direction may stand anywhere after the URI. What is left keeps its order: URI, mix type (none with
  `recv`), rates, `mute_user`.
- Of several errors the first of these is told: too many arguments, the verb, the selector, a missing argument, a second
  direction; then the others from left to right.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from . import reasons
from .uri import validate_uri

DEFAULT_STREAM = "default"
DEFAULT_RATE = 24000

_MAX_ARGUMENTS = 15
_BREAKS = " \t\r\n"
_SPACE = re.compile(f"[{_BREAKS}]*")
_SELECTOR = "stream="
_STREAM_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_RATES = {"8k": 8000, "16k": 16000, "24k": 24000} | {str(rate): rate for rate in range(8000, 48001, 8000)}
_MUTE_USER = "mute_user"


class Mix(StrEnum):
    """What of the channel is sent."""

    MONO = "mono"
    MIXED = "mixed"
    STEREO = "stereo"


class Direction(StrEnum):
    """Which audio a stream carries, seen from the channel: `send` is capture, `recv` is playback."""

    SEND = "send"
    RECV = "recv"
    BOTH = "both"


class MuteTarget(StrEnum):
    """Whose audio is muted."""

    USER = "user"
    OPENAI = "openai"
    ALL = "all"


_DIRECTIONS = {direction.value: direction for direction in Direction}
_MUTE_TARGETS = {
    "user": MuteTarget.USER,
    "send": MuteTarget.USER,
    "openai": MuteTarget.OPENAI,
    "recv": MuteTarget.OPENAI,
    "all": MuteTarget.ALL,
    "both": MuteTarget.ALL,
}


@dataclass(frozen=True, slots=True)
class Start:
    """`mix` and `send_rate` are None exactly where nothing is sent, `playback_rate` where nothing is played. In Hz."""

    stream: str
    explicit: bool
    uri: str = field(repr=False)
    mix: Mix | None
    direction: Direction
    send_rate: int | None
    playback_rate: int | None
    mute_user: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """`payload` is the final JSON, still in base64 and unchecked: a bad one stops the stream all the same."""

    stream: str
    explicit: bool
    payload: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    stream: str
    explicit: bool


@dataclass(frozen=True, slots=True)
class Resume:
    stream: str
    explicit: bool


@dataclass(frozen=True, slots=True)
class Break:
    stream: str
    explicit: bool


@dataclass(frozen=True, slots=True)
class Mute:
    stream: str
    explicit: bool
    target: MuteTarget


@dataclass(frozen=True, slots=True)
class Unmute:
    stream: str
    explicit: bool
    target: MuteTarget


@dataclass(frozen=True, slots=True)
class SendJson:
    """`payload` is still in base64 and unchecked."""

    stream: str
    explicit: bool
    payload: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class List:
    """`stream` is None where all streams are meant."""

    stream: str | None


Command = Start | Stop | Pause | Resume | Break | Mute | Unmute | SendJson | List
"""`stream` is the stream's name, `explicit` whether the command named it (replies then say so)."""


class CommandError(Exception):
    """The command isn't one. `reason` is the text for the reply, `selector` the stream name that the command gave."""

    def __init__(self, reason: str, selector: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.selector = selector

    def reply(self) -> str:
        """The whole reply. It repeats nothing of the command but a valid stream name."""
        return reasons.error_reply(self.reason, self.selector)


def parse_command(arguments: str) -> Command:
    """The command in `arguments`, which is all that follows the channel's uuid. Raises CommandError."""
    words = _split(arguments)
    if not words:
        raise CommandError(reasons.EXPECTED_COMMAND)
    selectors = [word.removeprefix(_SELECTOR) for word in words[1:] if word.startswith(_SELECTOR)]
    selector = selectors[0] if len(selectors) == 1 and _STREAM_NAME.fullmatch(selectors[0]) else None
    try:
        if 1 + len(words) > _MAX_ARGUMENTS:
            raise CommandError(reasons.TOO_MANY_ARGUMENTS)
        parse = _VERBS.get(words[0].lower())
        if parse is None:
            raise CommandError(reasons.UNKNOWN_COMMAND)
        if len(selectors) > 1:
            raise CommandError(reasons.ONE_SELECTOR)
        if selectors and selector is None:
            raise CommandError(reasons.INVALID_STREAM_NAME)
        return parse(selector, [word for word in words[1:] if not word.startswith(_SELECTOR)])
    except CommandError as error:
        raise CommandError(error.reason, selector) from None


def _split(text: str) -> list[str]:
    """The arguments, but no more than tell that there are too many. A payload may have millions of characters, each
    of which is looked at by searches only."""
    words: list[str] = []
    ends = dict.fromkeys(_BREAKS, -1)  # of each the next one that was found
    at = 0
    while len(words) < _MAX_ARGUMENTS:
        space = _SPACE.match(text, at)
        assert space is not None
        at = space.end()
        if at == len(text):
            break
        quote = text.find("'", at + 1) if text[at] == "'" else -1
        if quote > at and (quote + 1 == len(text) or text[quote + 1] in _BREAKS):
            words.append(text[at + 1 : quote])
            at = quote + 1
            continue
        for mark, position in ends.items():
            if position < at:
                found = text.find(mark, at)
                ends[mark] = found if found >= 0 else len(text)
        end = min(ends.values())
        words.append(text[at:end])
        at = end
    return words


def _start(selector: str | None, words: list[str]) -> Start:
    directions = [_DIRECTIONS[word] for word in words if word in _DIRECTIONS]
    receives_only = Direction.RECV in directions
    if len(words) - len(directions) < (1 if receives_only else 2):
        raise CommandError(reasons.START_NEEDS_URI if receives_only else reasons.START_NEEDS_URI_AND_MIX)
    if len(directions) > 1:
        raise CommandError(reasons.ONE_DIRECTION)
    try:
        uri = validate_uri(words[0])
    except ValueError:
        raise CommandError(reasons.INVALID_URI) from None
    name, explicit = selector or DEFAULT_STREAM, selector is not None
    rest = [word for word in words[1:] if word not in _DIRECTIONS]
    if receives_only:
        return Start(name, explicit, uri, None, Direction.RECV, None, _receive_rate(rest), mute_user=False)

    mix = _mix(rest.pop(0))
    send_rate = _take_rate(rest, reasons.INVALID_SEND_RATE)
    playback_rate = _take_rate(rest, reasons.INVALID_PLAYBACK_RATE) if send_rate is not None else None
    direction = directions[0] if directions else Direction.BOTH
    sends_only = direction is Direction.SEND
    # A stream that plays nothing has no playback rate.
    if [word.lower() for word in rest] not in ([], [_MUTE_USER]) or (sends_only and playback_rate is not None):
        raise CommandError(reasons.UNEXPECTED_START_ARGUMENT)
    return Start(
        stream=name,
        explicit=explicit,
        uri=uri,
        mix=mix,
        direction=direction,
        send_rate=send_rate or DEFAULT_RATE,
        playback_rate=None if sends_only else playback_rate or DEFAULT_RATE,
        mute_user=bool(rest),
    )


def _receive_rate(words: list[str]) -> int:
    """The playback rate, all that may stand with `recv`: without capture there is no mix type and no caller to mute."""
    rate = _take_rate(words, reasons.INVALID_PLAYBACK_RATE)
    if words:
        raise CommandError(reasons.UNEXPECTED_START_ARGUMENT)
    return rate or DEFAULT_RATE


def _mix(word: str) -> Mix:
    try:
        return Mix(word)
    except ValueError:
        raise CommandError(reasons.INVALID_MIX) from None


def _take_rate(words: list[str], reason: str) -> int | None:
    """Remove a rate from the front of `words` if one is there; `reason` is for what is a number, but no rate."""
    if not words or not re.match(r"[-+.]?\d", words[0]):
        return None
    rate = _RATES.get(words.pop(0))
    if rate is None:
        raise CommandError(reason)
    return rate


def _stop(selector: str | None, words: list[str]) -> Stop:
    if len(words) > 1:
        raise CommandError(reasons.STOP_TAKES_ONE_PAYLOAD)
    return Stop(selector or DEFAULT_STREAM, selector is not None, words[0] if words else None)


def _send_json(selector: str | None, words: list[str]) -> SendJson:
    if len(words) != 1:
        raise CommandError(reasons.SEND_JSON_NEEDS_ONE_PAYLOAD)
    return SendJson(selector or DEFAULT_STREAM, selector is not None, words[0])


def _pause(selector: str | None, words: list[str]) -> Pause:
    _refuse(words, reasons.PAUSE_TAKES_NO_ARGUMENTS)
    return Pause(selector or DEFAULT_STREAM, selector is not None)


def _resume(selector: str | None, words: list[str]) -> Resume:
    _refuse(words, reasons.PAUSE_TAKES_NO_ARGUMENTS)
    return Resume(selector or DEFAULT_STREAM, selector is not None)


def _break(selector: str | None, words: list[str]) -> Break:
    _refuse(words, reasons.BREAK_TAKES_NO_ARGUMENTS)
    return Break(selector or DEFAULT_STREAM, selector is not None)


def _list(selector: str | None, words: list[str]) -> List:
    _refuse(words, reasons.LIST_TAKES_ONLY_SELECTOR)
    return List(selector)


def _refuse(words: list[str], reason: str) -> None:
    if words:
        raise CommandError(reason)


def _mute(selector: str | None, words: list[str]) -> Mute:
    return Mute(selector or DEFAULT_STREAM, selector is not None, _mute_target(words))


def _unmute(selector: str | None, words: list[str]) -> Unmute:
    return Unmute(selector or DEFAULT_STREAM, selector is not None, _mute_target(words))


def _mute_target(words: list[str]) -> MuteTarget:
    if len(words) > 1:
        raise CommandError(reasons.MUTE_TAKES_ONE_TARGET)
    target = _MUTE_TARGETS.get(words[0].lower()) if words else MuteTarget.USER
    if target is None:
        raise CommandError(reasons.INVALID_MUTE_TARGET)
    return target


_VERBS: dict[str, Callable[[str | None, list[str]], Command]] = {
    "start": _start,
    "stop": _stop,
    "pause": _pause,
    "resume": _resume,
    "break": _break,
    "mute": _mute,
    "unmute": _unmute,
    "send_json": _send_json,
    "list": _list,
}
