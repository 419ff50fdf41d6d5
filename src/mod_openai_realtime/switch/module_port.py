"""What the engine tells the module about a channel: the messages of its link, by what they are for."""

from __future__ import annotations

from collections.abc import Mapping

from ..observe.printable import printable
from . import reasons
from .link import Link
from .wire import MessageType


class ModulePort:
    """`number`: of a stream on the link. `request`: of the command that a message belongs to; it is carried out by the
    thread that waits for this command's reply, 0 for none."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def reply(self, request: int, text: str) -> None:
        self._link.send(MessageType.REPLY, request=request, fields={"text": printable(text)})

    def refuse(self, request: int, reason: str, selector: str | None = None) -> None:
        """`selector`: the stream's name that the command gave."""
        self.reply(request, reasons.error_reply(reason, selector))

    def open(self, number: int, request: int, fields: Mapping[str, str]) -> None:
        """A media bug is to be added; OPENED or OPEN_FAILED answers."""
        self._link.send(MessageType.OPEN, stream=number, request=request, fields=fields)

    def close(self, number: int, request: int = 0, failure: str | None = None) -> None:
        """The media bug is to go. `failure`: what the application that waits for the stream is to know."""
        fields = None if failure is None else {"failure": failure}
        self._link.send(MessageType.CLOSE, stream=number, request=request, fields=fields)

    def event(self, number: int, name: str, subclass: str, body: bytes) -> None:
        self._link.send(MessageType.EVENT, stream=number, fields={"subclass": subclass, "body": body, "name": name})

    def log(self, number: int, name: str, level: int, text: str) -> None:
        """A line in the channel's log, about the stream of that name."""
        # What a server, a path or a name holds must not move the cursor of whoever reads the log.
        line = printable(f"openai_audio_stream {name}: {text}")
        self._link.send(MessageType.LOG, stream=number, fields={"level": str(level), "text": line})

    def keep(self, number: int, kept: bytes) -> None:
        """For an engine that comes after this one."""
        self._link.send(MessageType.KEEP, stream=number, fields={"kept": kept})

    @property
    def full(self) -> bool:
        """So much waits to be sent that nothing more is to be read from the servers."""
        return self._link.full

    def idle(self) -> None:
        """Nothing is left that would use the link."""
        self._link.send(MessageType.IDLE)
