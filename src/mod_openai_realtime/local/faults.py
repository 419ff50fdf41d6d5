"""What a user may have the endpoint do wrong, by name: `--fault drop-after-ms=3000@1`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import hostile
from .behaviour import GOOD, Behaviour, Behaviours, Ending, Pacing

_FORM = re.compile(r"(?P<name>[a-z-]+)(?:=(?P<value>[^@]*))?(?:@(?P<which>\d+)(?P<on>-(?P<last>\d*))?)?")


class FaultError(ValueError):
    """There is no such fault, or not with such a value; the text says what there is."""


@dataclass(frozen=True)
class Kind:
    """`value` says what is expected behind the `=`, None: nothing; `least` and `most` are its limits."""

    meaning: str
    make: Callable[[int], dict[str, Any]]
    value: str | None = None
    usual: int | None = None
    """The value where none is given; None: it has to be given."""
    least: int = 0
    most: int = 2**31 - 1


def _sends(message: str | bytes) -> Callable[[int], dict[str, Any]]:
    return lambda value: {"send_on_open": (message,)}


KINDS: dict[str, Kind] = {
    "refuse": Kind(
        "answers the handshake with that HTTP status", lambda n: {"refuse_status": n}, "STATUS", 503, 300, 599
    ),
    "hang": Kind("never answers the handshake", lambda n: {"hang_handshake": True}),
    "close": Kind("closes at once, with that code", lambda n: {"ending": Ending(n)}, "CODE", 1011, 1000, 4999),
    "close-after-ms": Kind(
        "closes with 1011 after so much audio of the caller",
        lambda n: {"ending": Ending(1011, after_received_ms=n)},
        "MS",
    ),
    "close-in-answer-ms": Kind(
        "closes with 1011 after so much audio of its own", lambda n: {"ending": Ending(1011, after_sent_ms=n)}, "MS"
    ),
    "drop-after-ms": Kind(
        "ends TCP without a close frame after so much audio of the caller",
        lambda n: {"ending": Ending(after_received_ms=n)},
        "MS",
    ),
    "drop-in-answer-ms": Kind(
        "ends TCP without a close frame after so much audio of its own",
        lambda n: {"ending": Ending(after_sent_ms=n)},
        "MS",
    ),
    "stall-after-ms": Kind(
        "reads no more after so much audio of the caller", lambda n: {"stall_after_ms": float(n)}, "MS"
    ),
    "expire-after-s": Kind(
        "ends the session after so long, as the service does after an hour",
        lambda n: {"session_limit_s": float(n)},
        "S",
        60,
    ),
    "no-session": Kind("never sends session.created", lambda n: {"announce_session": False}),
    "no-pong": Kind("answers no ping", lambda n: {"answer_pings": False}),
    "no-deflate": Kind("agrees to no compression", lambda n: {"deflate": False}),
    "late-deltas": Kind(
        "sends so many audio deltas of a response after its end, where it is cancelled",
        lambda n: {"late_deltas": n},
        "COUNT",
        3,
        most=1000,
    ),
    "reuse-ids": Kind("gives all responses one id, and their items", lambda n: {"reuse_response_ids": True}),
    "no-ids": Kind("sends no response_id, item_id and event_id", lambda n: {"omit_ids": True}),
    "beta-names": Kind("sends events by the names of the beta", lambda n: {"beta_names": True}),
    "fail-responses": Kind("fails that many responses, the first ones", lambda n: {"fail_responses": n}, "COUNT", 1, 1),
    "real-time": Kind("sends speech no faster than it is heard", lambda n: {"pacing": Pacing(speed=1.0, ahead_ms=0)}),
    "garbage": Kind("sends what is no JSON, as the session begins", _sends(hostile.GARBAGE)),
    "binary": Kind("sends a binary message, as the session begins", _sends(hostile.BINARY)),
    "bad-audio": Kind("sends an audio delta that is no base64, as the session begins", _sends(hostile.delta("%%%"))),
    "oversized": Kind(
        "sends a message of so many MiB, as the session begins",
        lambda n: {"send_on_open": (hostile.oversized(n * 1024 * 1024),)},
        "MIB",
        9,
        1,
        64,
    ),
    "nested": Kind(
        "sends JSON nested so deep, as the session begins",
        lambda n: {"send_on_open": (hostile.nested(n),)},
        "DEPTH",
        1000,
        1,
        100_000,
    ),
}


@dataclass(frozen=True)
class Fault:
    changes: dict[str, Any]
    first: int
    last: int | None
    """Connections are counted from 1; None: all later ones too."""

    def meets(self, number: int) -> bool:
        return number >= self.first and (self.last is None or number <= self.last)


def parsed(text: str) -> Fault:
    """`NAME`, `NAME=VALUE`, and of which connections: `@2`, `@2-4`, `@2-`; none: of all. Raises FaultError."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise FaultError(f"{text!r} is no fault; it is NAME, NAME=VALUE, and may end in @2, @2-4 or @2-")
    kind = KINDS.get(form["name"])
    if kind is None:
        raise FaultError(f"there is no fault {form['name']!r}; there are {', '.join(KINDS)}")
    first = int(form["which"] or 1)
    last = None if form["which"] is None else int(form["last"] or 0) or None if form["on"] else first
    if first < 1 or (last is not None and last < first):
        raise FaultError(f"{text!r}: connections are counted from 1, and upwards")
    return Fault(kind.make(_value(kind, form["name"], form["value"])), first, last)


def _value(kind: Kind, name: str, text: str | None) -> int:
    if kind.value is None:
        if text is not None:
            raise FaultError(f"the fault {name} takes no value")
        return 0
    if text is None and kind.usual is not None:
        return kind.usual
    if text is None or not text.isdecimal() or not kind.least <= int(text) <= kind.most:
        limits = f"from {kind.least}" + (f" to {kind.most}" if kind.most < 2**31 - 1 else "")
        raise FaultError(f"the fault {name} is {name}={kind.value}, a whole number {limits}")
    return int(text)


def behaviours(faults: Sequence[Fault], usual: Behaviour = GOOD) -> Behaviours:
    """What the nth handshake meets; it is counted from 0."""
    if not faults:
        return usual

    def of(index: int) -> Behaviour:
        changes: dict[str, Any] = {}
        for fault in faults:
            if fault.meets(index + 1):
                more = dict(fault.changes)
                if "send_on_open" in more:
                    more["send_on_open"] = (*changes.get("send_on_open", ()), *more["send_on_open"])
                changes.update(more)
        return replace(usual, **changes)

    return of


def listed() -> str:
    """All of them, for the command's help."""
    lines = []
    for name, kind in KINDS.items():
        form = (
            name if kind.value is None else f"{name}={kind.value}" if kind.usual is None else f"{name}[={kind.value}]"
        )
        usual = f" ({kind.usual} unless given)" if kind.usual is not None else ""
        lines.append(f"  {form:28} {kind.meaning}{usual}")
    return "\n".join(lines)
