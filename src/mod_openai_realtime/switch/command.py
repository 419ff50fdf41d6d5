"""The commands of a channel, checked: what the verbs' grammars make of the text of an API call."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from . import reasons

DEFAULT_STREAM = "default"
DEFAULT_RATE = 24000


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


@dataclass(frozen=True, slots=True)
class StreamCommand:
    """`stream` is the stream's name, `explicit` whether the command named it (replies then say so)."""

    stream: str
    explicit: bool

    @property
    def selector(self) -> str | None:
        """The name that the command gave; None where it gave none."""
        return self.stream if self.explicit else None


@dataclass(frozen=True, slots=True)
class Start(StreamCommand):
    """`mix` and `send_rate` are None exactly where nothing is sent, `playback_rate` where nothing is played. In Hz."""

    uri: str = field(repr=False)
    mix: Mix | None
    direction: Direction
    send_rate: int | None
    playback_rate: int | None
    mute_user: bool


@dataclass(frozen=True, slots=True)
class Stop(StreamCommand):
    """`payload` is the final JSON, still in base64 and unchecked: a bad one stops the stream all the same."""

    payload: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause(StreamCommand): ...


@dataclass(frozen=True, slots=True)
class Resume(StreamCommand): ...


@dataclass(frozen=True, slots=True)
class Break(StreamCommand): ...


@dataclass(frozen=True, slots=True)
class Mute(StreamCommand):
    target: MuteTarget


@dataclass(frozen=True, slots=True)
class Unmute(StreamCommand):
    target: MuteTarget


@dataclass(frozen=True, slots=True)
class SendJson(StreamCommand):
    """`payload` is still in base64 and unchecked."""

    payload: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class List:
    """`stream` is None where all streams are meant."""

    stream: str | None

    @property
    def selector(self) -> str | None:
        return self.stream


Command = Start | Stop | Pause | Resume | Break | Mute | Unmute | SendJson | List


class CommandError(Exception):
    """The command isn't one. `reason` is the text for the reply, `selector` the stream name that the command gave."""

    def __init__(self, reason: str, selector: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.selector = selector

    def reply(self) -> str:
        """The whole reply. It repeats nothing of the command but a valid stream name."""
        return reasons.error_reply(self.reason, self.selector)
