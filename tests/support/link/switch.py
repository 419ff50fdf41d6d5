"""A switch that is only the other end of the link: it speaks docs/reference/link.md and steps frames by hand."""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from dataclasses import dataclass, field

from mod_openai_realtime._media import SwitchSide
from mod_openai_realtime.switch.wire import Decoder, Message, MessageType, encode


@dataclass
class Bug:
    """One stream's media bug."""

    side: SwitchSide
    capture: str
    playback: bool


@dataclass
class LinkSwitch:
    """One channel. `commands` waits for replies; events collect in `events[stream name]` as (subclass, body)."""

    sock: socket.socket
    uuid: str = "0b5f3c8e-0000-4000-8000-000000000001"
    read_rate: int = 8000
    write_rate: int = 8000
    variables: dict[str, str] = field(default_factory=dict)
    temp_dir: str = ""
    recordings_dir: str = ""
    time_ns: int = 0
    """Of the next frame; 0: frames have no times."""
    refuse_media: str | None = None
    ends: bool = False
    """The channel ends while a media bug is being added."""
    facts: dict[str, str] = field(default_factory=dict)
    """In place of what is true of the channel."""
    on_hold: bool = False
    """As the module tells; hold() changes it, and tells."""
    channel: bool = True
    carries_out: bool = True
    """Whether what the engine asks for is answered at once; else with done()."""

    def __post_init__(self) -> None:
        self.sock.setblocking(False)
        self.bugs: dict[int, Bug] = {}
        self.events: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        self.log: list[tuple[int, str]] = []
        self.idle = 0
        self.executed: list[tuple[int, dict[str, str]]] = []
        """Number and fields of each EXECUTE."""
        self.closed: list[int] = []
        self.failures: list[str] = []
        """What applications that wait were told."""
        self.kept: dict[int, bytes] = {}
        """By stream: the newest KEEP."""
        self.answers: dict[str, str] = {}
        """What API commands print."""
        self._decoder = Decoder()
        self._request = 0
        self._replies: dict[int, str] = {}
        self._news = asyncio.Condition()
        self._reader = asyncio.get_running_loop().create_task(self._read())
        self._send(encode(MessageType.HELLO, fields={"protocol": "1", "uuid": self.uuid, "pid": "1"}))

    def _send(self, data: bytes, fds: tuple[int, ...] = ()) -> None:
        if fds:
            socket.send_fds(self.sock, [data], fds)
        else:
            self.sock.send(data)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self.sock, 65536):
            for message in self._decoder.feed(data):
                self._take(message)
            async with self._news:
                self._news.notify_all()

    def _take(self, message: Message) -> None:
        fields = message.fields
        if message.type == MessageType.OPEN:
            if self.refuse_media is not None:
                failed = {"reason": self.refuse_media}
                self._send(
                    encode(MessageType.OPEN_FAILED, stream=message.stream, request=message.request, fields=failed)
                )
                return
            if self.ends:
                self._send(encode(MessageType.CLOSED, stream=message.stream, fields={"cause": "hangup"}))
                return
            side = SwitchSide(played_slots=64 if fields["record"] == "1" else 0)
            bug = Bug(side, fields["capture"], fields["playback"] == "1")
            self.bugs[message.stream] = bug
            facts = {
                "read_rate": str(self.read_rate),
                "write_rate": str(self.write_rate),
                "ptime_ms": "20",
                "channels": "1",
                "on_hold": str(int(self.on_hold)),
            } | self.facts
            opened = encode(MessageType.OPENED, stream=message.stream, request=message.request, fields=facts)
            self._send(opened, (bug.side.fd,))
        elif message.type == MessageType.REPLY:
            self._replies[message.request] = fields["text"]
        elif message.type == MessageType.EVENT:
            self.events[fields["name"]].append((fields["subclass"], fields["body"].encode("utf-8", "surrogateescape")))
        elif message.type == MessageType.LOG:
            self.log.append((int(fields["level"]), fields["text"]))
        elif message.type == MessageType.CLOSE:
            self.failures += [fields["failure"]] if "failure" in fields else []
            if self.bugs.pop(message.stream, None) is not None:
                self.closed.append(message.stream)
                removed = {"cause": "removed"}
                self._send(encode(MessageType.CLOSED, stream=message.stream, request=message.request, fields=removed))
        elif message.type == MessageType.IDLE:
            self.idle += 1
        elif message.type == MessageType.KEEP:
            self.kept[message.stream] = fields["kept"].encode("utf-8", "surrogateescape")
        elif message.type == MessageType.EXECUTE:
            self.executed.append((message.request, fields))
            if self.carries_out:
                self._carry_out(message.request, fields)

    def _carry_out(self, number: int, fields: dict[str, str]) -> None:
        if fields["kind"] == "set":
            self.variables[fields["name"]] = fields.get("arguments", "")
        printed = self.answers.get(fields["name"], "") if fields["kind"] == "api" else ""
        self.done(number, text=self.variables.get(fields["name"]) if fields["kind"] == "get" else printed)

    def done(self, number: int, ok: bool = True, text: str | None = None) -> None:
        """What an EXECUTE of this number asked for is over."""
        answer = {"ok": str(int(ok))} | ({"text": text} if text is not None else {})
        self._send(encode(MessageType.DONE, request=number, fields=answer))

    def key(self, digits: str, source: str = "rtp") -> None:
        """The caller presses these keys."""
        for digit in digits:
            fields = {"digit": digit, "duration_ms": "100", "source": source}
            self._send(encode(MessageType.DTMF, fields=fields))

    async def until(self, condition: object) -> None:
        """Wait until `condition()` is true; it is tried whenever something has come over the link."""
        assert callable(condition)
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(condition)

    async def event(self, subclass: str, count: int = 1, stream: str = "default") -> bytes:
        """The body of the `count`-th event of this subclass."""

        def bodies() -> list[bytes]:
            return [body for name, body in self.events[stream] if name == subclass]

        await self.until(lambda: len(bodies()) >= count)
        return bodies()[count - 1]

    async def api(self, arguments: str, api: str = "openai") -> str:
        self._request += 1
        request = self._request
        fields = {"api": api, "arguments": arguments, "channel": "1" if self.channel else "0"}
        if self.channel:
            fields |= {"state": "answered", "temp_dir": self.temp_dir, "recordings_dir": self.recordings_dir}
            fields |= self.variables
        self._send(encode(MessageType.COMMAND, request=request, fields=fields))
        await self.until(lambda: request in self._replies)
        return self._replies.pop(request)

    def resume(
        self, number: int, arguments: str, side: SwitchSide, *, api: str = "openai", kept: bytes | None = None
    ) -> None:
        """What the module tells a restarted engine of a stream that is up."""
        self.bugs[number] = Bug(side, "mono", True)
        fields: dict[str, str | bytes] = {"api": api, "arguments": arguments, "channel": "1"}
        fields |= {"temp_dir": self.temp_dir} | ({"kept": kept} if kept is not None else {})
        fields |= {"read_rate": str(self.read_rate), "write_rate": str(self.write_rate), "ptime_ms": "20"}
        fields |= {"on_hold": str(int(self.on_hold))}
        self._send(encode(MessageType.RESUME, stream=number, fields=fields), (side.fd,))

    def hold(self, on_hold: bool) -> None:
        """The channel is put on hold, or taken off it."""
        self.on_hold = on_hold
        self._send(encode(MessageType.HOLD, fields={"on_hold": str(int(on_hold))}))

    def hang_up(self) -> None:
        for number in list(self.bugs):
            del self.bugs[number]
            self._send(encode(MessageType.CLOSED, stream=number, fields={"cause": "hangup"}))

    @property
    def bug(self) -> Bug:
        """The media bug of the only stream."""
        (bug,) = self.bugs.values()
        return bug

    def frame(self, pcm: bytes | None = None) -> bytes | None:
        """One media frame of 20 ms through the only stream: caller audio in, what the channel sends out."""
        bug = self.bug
        if bug.capture != "none" and not self.on_hold:
            samples = self.read_rate // 50 * (2 if bug.capture == "stereo" else 1)
            channels = 2 if bug.capture == "stereo" else 1
            bug.side.capture(pcm if pcm is not None else bytes(2 * samples), self.read_rate, channels, self.time_ns)
        played = None
        if bug.playback:
            played = bug.side.playback(self.write_rate // 50, self.write_rate, self.time_ns, self.on_hold)
        if self.time_ns:
            self.time_ns += 20_000_000
        return played

    def close(self) -> None:
        self._reader.cancel()
        self.sock.close()
