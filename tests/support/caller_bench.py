"""Caller audio on its way from the ring to a connection, with nothing around it."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from mod_openai_realtime._media import Packetizer, Poller, StreamMemory, SwitchSide
from mod_openai_realtime.audio.audio_format import Encoding
from mod_openai_realtime.audio.capture import Capture
from mod_openai_realtime.audio.outgoing import Outgoing
from mod_openai_realtime.conversation.conversation import Conversation
from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation, Side, Wish
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.dialect.messages import classify
from mod_openai_realtime.realtime.sending import BINARY, TEXT, SendBuffer

FRAME_MS = 20
FRAME_BYTES = 16 * FRAME_MS


class Transport:
    """Keeps the audio of each message."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.send_buffer: SendBuffer | None = self.send_lying

    def send_text(self, payload: bytes) -> bool:
        self.messages.append(base64.b64decode(orjson.loads(payload)["audio"]))
        return True

    def send_binary(self, payload: bytes) -> bool:
        self.messages.append(payload)
        return True

    def send_lying(self, opcode: int, buffer: bytearray, offset: int) -> None:
        send = {TEXT: self.send_text, BINARY: self.send_binary}[opcode]
        send(bytes(buffer[offset:]))


class CallerBench:
    """A channel at 8 kHz."""

    def __init__(
        self,
        message_ms: int = 20,
        *,
        rate: int = 8000,
        channels: int = 1,
        law: str = "pcm",
        raw: bool = False,
        short_way: bool = True,
        restored: bool = False,
    ) -> None:
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        self.memory.discard_playback(8000)
        self.memory.watch((1 << 64) - 1, 0)
        self.channels = channels
        self.warnings: list[str] = []
        self._wishes, self._raw, self._restored = {Side.CAPTURE: Wish(Encoding(law), rate)}, raw, restored
        self.session = self.make_session(0)
        self.packetizer = packetizer = Packetizer(self.memory, True)
        self.recorded: list[bytes] = []
        capture = Capture(packetizer, send_rate=rate, channels=channels, message_ms=message_ms, two_in_one=True)
        self.transport = Transport()
        if not short_way:
            self.transport.send_buffer = None
        self.outgoing = Outgoing(capture, self.session, self.transport, self.warnings.append, raw=raw)
        self._poller = Poller()
        self._poller.add(self.memory, self.outgoing, packetizer)
        self.connect(keep=False)

    def make_session(self, number: int) -> Session:
        negotiation = Negotiation(self._wishes, Complaints(self.warnings.append), session=not self._raw)
        conversation = Conversation(None, plays=False) if self._restored else None
        if conversation is not None:
            conversation.application_sent({"session": {"instructions": "Be brief."}})
        return Session(
            number, negotiation, Interruption(True), conversation, plays=False, raw=self._raw, restored=number > 0
        )

    def reconnect(self) -> None:
        self.lose(keeps=False)
        self.connect(keep=False)

    def roll_over(self) -> Transport:
        """Another connection goes on: where its messages go."""
        self.session, other = self.make_session(1), Transport()
        self.transport.send_buffer = other.send_lying
        self.outgoing.switch(self.session)
        self.outgoing.look()
        return other

    def connect(self, *, keep: bool) -> None:
        self.outgoing.connect(self.session, keep=keep)
        self.outgoing.look()

    def lose(self, *, keeps: bool, whole: bool = False) -> None:
        self.session = self.make_session(1)
        self.outgoing.disconnect(self.session, keeps=keeps, whole=whole)

    def say(self, pcm: bytes) -> None:
        step = FRAME_BYTES * self.channels
        for at in range(0, len(pcm), step):
            self.switch.capture(pcm[at : at + step], 8000, self.channels)

    def tick(self) -> None:
        for outgoing in self._poller.ready():
            outgoing.tick()
        self.recorded += [pcm for pcm, *_ in self.packetizer.take_copies()]

    def mute(self) -> None:
        self.outgoing.silence()
        self.outgoing.want(False)

    def unmute(self) -> None:
        self.outgoing.want(True)

    def server(self, kind: str, **fields: Any) -> None:
        negotiation = self.session.negotiation
        asked = negotiation.server_said(classify(orjson.dumps({"type": kind, **fields})))
        if asked is not None:
            negotiation.engine_asks(asked)
        self.outgoing.look()

    def sent(self) -> bytes:
        return b"".join(self.transport.messages)
