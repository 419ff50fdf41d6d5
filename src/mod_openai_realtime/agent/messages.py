"""What a media worker and an agent host say to each other, over a private Unix socket. Audio never passes there.

A frame is four bytes, little-endian, that say how many follow, and a JSON object with a `type`. What is longer than
MAX_FRAME_BYTES, or none of these messages, ends the connection.

The host connects and says Hello; the worker answers with Welcome. A call begins with Begin, is answered with acts
(Acts), and ends with Ended and then Done. Messages to the host are numbered over the whole life of a call, also where
another host goes on with it. What a host does and what it wants kept come in one message, with the number of the
last message that they follow from, so that both happen or neither: a host that dies is followed by one that gets what
was kept and every message after that number once more.

| to the host | of a call | meaning |
| --- | --- | --- |
| Welcome | | the worker has taken the host on |
| Begin | yes | a call, new or of a host that has died |
| Connected, Lost, AttemptFailed | yes | the endpoint's session is there, is lost, did not come up |
| Event | yes | a message of the server's, but audio |
| Speech | yes | the agent's first sample is heard; its voice has stopped |
| Playback | yes | something waits to be heard; nothing does any more |
| TurnHeard | yes | a response is over in the caller's ear |
| Played | yes | own audio is over in the caller's ear |
| Digit | yes | the caller keyed it |
| Held | yes | the channel is on hold, or no longer |
| Result | yes | the answer to an Execute |
| Ended | yes | the last one |

| to the worker | meaning |
| --- | --- |
| Hello, Agents | which agents the host has |
| Acts | acts of a call: Plan, Fail, Send, Play, Break, Execute, Close, Log, Done |
"""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

PROTOCOL = 1

MAX_EVENT_BYTES = 1 << 20
"""Of a server's message that is told to a host. Larger ones are left out: no message but audio is."""

MAX_FRAME_BYTES = 8 << 20
"""A call that is kept (1 MiB) or the largest client event (a session with a hundred tools: 50 kB) fit many times."""

MAX_KEPT_BYTES = 1 << 20
"""What a worker keeps of a call for the next host; past it the oldest turns go."""

MAX_REPLAYED, MAX_REPLAYED_BYTES = 2000, 2 << 20
"""Messages that a worker keeps because no host has worked them off; past it the oldest events go."""

DONE_S = 65.0
"""So long after Ended a worker waits for Done: on_end has 60 s."""

Direction = Literal["inbound", "outbound"]
BargeIn = Literal["server", "off", "confirm"]
Audio = Literal["auto", "pcm", "pcmu", "pcma"]
Level = Literal["debug", "info", "warning", "error"]
Kind = Literal[
    "application",
    "api",
    "get_variable",
    "set_variable",
    "stream",
    "transfer",
    "refer",
    "hang_up",
    "hold",
    "bridge",
    "originate",
    "send_digits",
]


class ProtocolError(Exception):
    """The other side does not keep to this page."""


class _Message(Struct, omit_defaults=True):
    """What is not told has its default."""


# -- of a connection


class Hello(_Message, tag="hello"):
    """The host's first message. New calls go to hosts of the highest generation that have the agent."""

    protocol: int
    host: str
    """Its id: hexadecimal, chosen at random."""
    pid: int
    generation: int
    agents: list[str]


class Agents(_Message, tag="agents"):
    """Which agents new calls may be given from now on; none: the host ends when its calls have."""

    agents: list[str]


class Welcome(_Message, tag="welcome"):
    protocol: int
    worker: int
    spool: str
    """A folder for audio that is to be played: private, and emptied by the worker."""


# -- of a call, to the host


class Facts(_Message):
    """What is known of a call when it begins."""

    uuid: str
    stream: str = "default"
    caller_number: str = ""
    caller_name: str = ""
    dialled: str = ""
    direction: Direction = "inbound"
    parameters: dict[str, str] = {}
    """AGENT_TABLE_SIZE is `table_size`; `name=value` wins."""
    started_at: str = ""
    """ISO 8601, UTC."""


class Kept(_Message):
    """What a host wants the next one to know."""

    state: dict[str, Any] = {}
    turns: dict[str, dict[str, Any]] = {}
    """By their index."""


class Begin(_Message, tag="begin"):
    call: int
    n: int
    agent: str
    facts: Facts
    kept: Kept | None = None
    """Not None: the call's host has died, and this one goes on."""
    connected: bool = False
    """A session is up."""


class Connected(_Message, tag="connected"):
    """The session is settled: created, and what was asked of it is answered, or will not be."""

    call: int
    n: int
    restored: bool = False
    cause: Literal["first", "reconnect", "rollover", "failover"] = "first"


class Lost(_Message, tag="lost"):
    """The connection is lost, or was closed; not told of a rollover. `code`: the WebSocket's close code."""

    call: int
    n: int
    code: int = 1006
    reason: str = ""


class AttemptFailed(_Message, tag="attempt_failed"):
    """As the event `error`."""

    call: int
    n: int
    error: str
    retries: int = 0
    wait_ms: float = 0
    http_status: int = 0


class Event(_Message, tag="event"):
    call: int
    n: int
    event: msgspec.Raw
    """The message as it came; a JSON object."""


class Speech(_Message, tag="speech"):
    """As openai_speech_start and openai_speech_stop."""

    call: int
    n: int
    on: bool


class Playback(_Message, tag="playback"):
    """Each change. Idle: nothing is queued, played, or still to come of a response whose audio has begun to."""

    call: int
    n: int
    idle: bool


class TurnHeard(_Message, tag="turn"):
    """As the event `turn`, before the Playback that says idle."""

    call: int
    n: int
    response_id: str | None
    heard_ms: int
    received_ms: int
    """Of the response's audio so much had come."""
    interrupted: bool
    item_ids: list[str] = []
    latency_ms: dict[str, int | None] = {}


class Played(_Message, tag="played"):
    call: int
    n: int
    id: int
    heard_ms: int = 0
    interrupted: bool = False
    error: str | None = None
    """Why nothing was played."""


class Digit(_Message, tag="digit"):
    call: int
    n: int
    digit: str


class Held(_Message, tag="held"):
    call: int
    n: int
    on_hold: bool


class Result(_Message, tag="result"):
    """Exactly one for each Execute, whatever becomes of the channel."""

    call: int
    n: int
    id: int
    ok: bool
    value: str | None = None
    error: str | None = None
    """FreeSWITCH's reason, without -ERR."""


class Ended(_Message, tag="ended"):
    """No message follows. The channel may be gone."""

    call: int
    n: int
    reason: Literal["hang_up", "caller", "transferred", "stopped", "failed"]
    detail: str = ""


# -- acts of a host


class Plan(_Message, tag="plan"):
    """The stream is to be opened. Answers the first Begin of a call."""

    session: dict[str, Any]
    """Of one session.update: goes out before any audio, and is what a reconnect restores. Without audio formats."""
    url: str | None = None
    """None: as the engine is configured."""
    model: str | None = None
    """Replaces `model` in the URL's query."""
    key: str = "env:OPENAI_API_KEY"
    """Where the key is, never the key: env:NAME, file:PATH, variable:NAME of the channel."""
    audio: Audio = "auto"
    record: str | None = None
    barge_in: BargeIn = "server"
    connect_timeout_s: float = 10.0
    failure_prompt: str | None = None


class Fail(_Message, tag="fail"):
    """There will be no plan, or no agent any more: the application returns `failed`."""

    reason: str
    failure_prompt: str | None = None


class Send(_Message, tag="send"):
    """A client event, as an application's."""

    event: dict[str, Any]


class Play(_Message, tag="play"):
    """Own audio, behind what is queued; answered by Played."""

    id: int
    path: str
    pcm: bool = False
    """pcm16, mono, 24 kHz; else a WAV of any rate."""
    remove: bool = False
    """The worker removes the file once it is read: it lies in the spool."""
    interruptible: bool = True


class Break(_Message, tag="break"):
    """What is played or queued is dropped, as by the command."""


class Execute(_Message, tag="execute"):
    """Answered by Result.

    | kind | name, arguments | done when |
    | --- | --- | --- |
    | application | its name, its data | it has returned |
    | api | the command, its arguments | it has answered; `value` is the answer, an error where that begins with -ERR |
    | get_variable | name | `value`: None where it is not set |
    | set_variable | name, value | |
    | stream | a verb of the command grammar on the agent's own stream, its arguments | it has answered |
    | transfer | extension, `<dialplan> <context>` | the channel has left; an error: no such extension |
    | hang_up | cause | the channel is gone |
    | refer | URI | the caller's telephone has gone there, and the channel with it |
    | bridge | `connected` or `ended`, dial string | the parties are connected, or no longer; the agent is muted |
    | originate | uuid of the new channel, arguments of the command | it has answered, and runs its application |
    | send_digits | digits | they have been sent |
    | hold | `on`, `off` or `silent` | hold music is on; meanwhile the server gets nothing of the caller, and playback
      waits. `silent`: the same without the music |
    """

    id: int
    kind: Kind
    name: str
    arguments: str = ""


class Close(_Message, tag="close"):
    """The agent is done with a call whose channel stays: the stream ends, Ended follows."""


class Log(_Message, tag="log"):
    """A line in the channel's log."""

    level: Level
    text: str


class Done(_Message, tag="done"):
    """on_end has run, or had its time: the call can be forgotten. `reason`: what on_end was told."""

    reason: str = ""


Act = Plan | Fail | Send | Play | Break | Execute | Close | Log | Done


class Acts(_Message, tag="acts"):
    """`keep` is kept first, then the acts are carried out, in order."""

    call: int
    through: int
    """The number of the last message that has been worked off."""
    acts: list[Act] = []
    keep: Kept | None = None
    """`state` replaces what was kept, `turns` are added to it."""


OfCall = (
    Begin
    | Connected
    | Lost
    | AttemptFailed
    | Event
    | Speech
    | Playback
    | TurnHeard
    | Played
    | Digit
    | Held
    | Result
    | Ended
)
ToHost = Welcome | OfCall
ToWorker = Hello | Agents | Acts

_encoder = msgspec.json.Encoder()


def encode(message: ToHost | ToWorker) -> bytes:
    """A frame. Raises ProtocolError where it would be too long, or can't be written as JSON."""
    try:
        body = _encoder.encode(message)
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"no JSON: {error}") from None
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"a message of {len(body)} bytes is too long")
    return len(body).to_bytes(4, "little") + body


class _Frames:
    """Takes bytes as they come; what is not a whole frame yet waits, MAX_FRAME_BYTES at most."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def bodies(self, data: bytes) -> list[bytes]:
        """Of the frames that are whole by now. Raises ProtocolError; nothing more can be read then."""
        waiting = self._waiting
        waiting += data
        bodies, start = [], 0
        while len(waiting) - start >= 4:
            length = int.from_bytes(waiting[start : start + 4], "little")
            if length > MAX_FRAME_BYTES:
                raise ProtocolError(f"a message of {length} bytes is too long")
            if len(waiting) - start - 4 < length:
                break
            bodies.append(bytes(waiting[start + 4 : start + 4 + length]))
            start += 4 + length
        del waiting[:start]
        return bodies


class HostMessages(_Frames):
    """What comes from a host."""

    _decode = msgspec.json.Decoder(ToWorker).decode

    def feed(self, data: bytes) -> list[ToWorker]:
        """The messages that are whole by now. Raises ProtocolError; nothing more can be read then."""
        return [self.read(body) for body in self.bodies(data)]

    def read(self, body: bytes) -> ToWorker:
        """Raises ProtocolError."""
        return cast(ToWorker, _checked(self._decode, body))


class WorkerMessages(_Frames):
    """What comes from a worker."""

    _decode = msgspec.json.Decoder(ToHost).decode

    def feed(self, data: bytes) -> list[ToHost]:
        """The messages that are whole by now. Raises ProtocolError; nothing more can be read then."""
        return [_checked(self._decode, body) for body in self.bodies(data)]


def _checked(decode: Any, body: bytes) -> Any:
    try:
        return decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ProtocolError(str(error)) from None
