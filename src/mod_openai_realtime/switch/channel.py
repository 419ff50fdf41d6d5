"""One channel of the switch: what the module says of it, and the commands that come for it."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..observe.printable import printable
from ..pilot.agent_plan import PlanError
from ..stream.state import EndReason
from ..stream.stream import Stream
from . import module_reasons, reasons
from .agent_verbs import StartAgent
from .channel_agents import ChannelAgents
from .channel_facts import LARGEST_NUMBER, FactsError, is_on_hold
from .command import CommandError, Start
from .launch import Launcher
from .link import Link
from .log_level import LOG_WARNING
from .module_port import ModulePort
from .opening import Launch, Opening
from .prepared import Prepared, prepare
from .refusal import CommandRefusedError
from .registry import Registry
from .services import Services
from .stream_verbs import STREAM_VERBS
from .verb import Order, VerbTable
from .verbs import TABLES
from .wire import Message, MessageType

logger = logging.getLogger(__name__)

MAX_UUID_CHARACTERS = 256  # as the module has it


class Channel:
    """Lives as long as its link. Everything happens on the event loop."""

    def __init__(self, link: Link, services: Services) -> None:
        self.link = link
        self.services = services
        self.uuid = ""
        self.port = ModulePort(link)
        self._registry = Registry()
        self._launcher = Launcher(self.port, self._registry, services, self._settle)
        self.agents = ChannelAgents(self)
        self._idle = True
        link.start(self)

    @property
    def stream_count(self) -> int:
        return len(self._registry)

    @property
    def busy(self) -> bool:
        """Something is left that would use the link."""
        return bool(self._registry) or self._launcher.busy

    def end_all(self, reason: EndReason) -> None:
        for stream in self._registry.streams:
            stream.stop(reason=reason)

    def _settle(self) -> None:
        """Tell the module, once, when nothing is left that would use the link."""
        if not self._idle and not self.busy and not self.link.executing:
            self._idle = True
            self.port.idle()
            self.services.settled()

    # -- from the link (LinkListener)

    def on_message(self, message: Message, fds: deque[int]) -> None:
        try:
            handle = _HANDLERS.get(message.type)
            if handle is not None:
                handle(self, message, fds)
        except Exception:
            # A fault of ours: whoever waits is told at once, other streams go on.
            logger.exception("%s: message %d failed", self.uuid, message.type)
            opening = self._registry.opening(message.stream)
            if opening is not None:
                self._registry.remove_opening(opening)
                self.port.close(message.stream, message.request)
            if message.request:
                self.port.refuse(message.request, reasons.INTERNAL_ERROR)
        self._settle()

    def on_link_full(self, full: bool) -> None:
        for stream in self._registry.streams:
            stream.pause_reading(full)

    def on_link_lost(self) -> None:
        for opening in self._registry.openings:
            self._registry.remove_opening(opening)
            opening.give_up()
        self.end_all(EndReason.SWITCH_LOST)
        self.services.forget(self)

    def _on_hello(self, message: Message, _fds: deque[int]) -> None:
        self.uuid = printable(message.fields.get("uuid", ""))[:MAX_UUID_CHARACTERS]
        self.link.in_hand = self.services.in_hand(self.uuid)
        self.link.in_hand.begin()

    def _on_command(self, message: Message, _fds: deque[int]) -> None:
        self._idle = False
        request, fields = message.request, message.fields
        try:
            verb, command = _table(fields).parse(fields.get("arguments", ""))
        except CommandError as error:
            self.port.reply(request, error.reply())
            return
        if fields.get("channel") != "1":
            self.port.refuse(request, module_reasons.CHANNEL_NOT_FOUND, command.selector)
            return
        try:
            reply = verb.run(self, Order(request, fields), command)
        except CommandRefusedError as error:
            self.port.refuse(request, error.reason, command.selector)
        else:
            if reply is not None:
                self.port.reply(request, reply)

    def _on_opened(self, message: Message, fds: deque[int]) -> None:
        fd = fds.popleft() if fds else -1
        opening = self._registry.opening(message.stream)
        try:
            if opening is None:
                # Nobody asked, or nobody waits any more: let go of the bug.
                self.port.close(message.stream)
                return
            if opening.launch(opening, message.fields, fd):
                self.opened(opening)
            else:
                opening.hold()
        except FactsError as error:
            self.port.close(message.stream, message.request)
            self.fail_opening(message.stream, str(error))
        finally:
            if fd >= 0:
                os.close(fd)

    def _on_open_failed(self, message: Message, _fds: deque[int]) -> None:
        self.fail_opening(message.stream, message.fields.get("reason", "Channel has no media"))

    def _on_opening(self, message: Message, _fds: deque[int]) -> None:
        opening = self._registry.opening(message.stream)
        if opening is not None:
            opening.media_to_come()

    def _on_resume(self, message: Message, fds: deque[int]) -> None:
        """The engine has been restarted, the stream has not: start it again from what the module has kept."""
        self._idle = False
        fields, number = message.fields, message.stream
        fd = fds.popleft() if fds else -1
        try:
            if self._registry.stream(number) is not None:
                return  # it goes on already
            self._require_harmless()
            _, start = _table(fields).parse(fields.get("arguments", ""))
            if not isinstance(start, Start | StartAgent) or not 0 < number <= LARGEST_NUMBER:
                raise FactsError("not a start command, or not a stream's number")
            self._registry.take_number(number)
            if isinstance(start, StartAgent):
                self.agents.resume(number, start, fields, fd)
                return
            self._registry.require_free(start)
            # Whether the caller is muted by now is in the memory; the command says only how it began.
            prepared = self.prepare(replace(start, mute_user=False), fields)
            self.launch(number, prepared, fields, fd, resumed=True)
        except (CommandError, CommandRefusedError, FactsError, PlanError) as error:
            self.port.log(number, fields.get("name", ""), LOG_WARNING, f"stream cannot be resumed: {error}")
            self.port.close(number)
        finally:
            if fd >= 0:
                os.close(fd)

    def _on_done(self, _message: Message, _fds: deque[int]) -> None:
        self._idle = False  # what was asked for may have been asked after all else was over

    def _on_hold(self, message: Message, _fds: deque[int]) -> None:
        for stream in self._registry.streams:
            stream.hold(is_on_hold(message.fields))

    def _on_closed(self, message: Message, _fds: deque[int]) -> None:
        self.fail_opening(message.stream, module_reasons.CHANNEL_ENDED)  # where it was still to be opened
        stream = self._registry.stream(message.stream)
        if stream is not None and not stream.closing:
            # Not asked for by us: the channel has ended, or the module takes all off.
            removed = message.fields.get("cause") == "removed"
            stream.stop(reason=EndReason.UNLOAD if removed else EndReason.HANGUP)

    def fail_opening(self, number: int, reason: str) -> None:
        opening = self._registry.opening(number)
        if opening is not None:
            self._registry.remove_opening(opening)
            opening.fail(reason)

    # -- for commands (stream_verbs.Streams)

    def stream_command(self, words: str, stream: str) -> str:
        """A command on a stream, of nobody who could wait for its reply. Raises CommandError or CommandRefusedError."""
        verb, command = STREAM_VERBS.parse(f"{words} stream={stream}")
        return verb.run(self, Order(0, {}), command) or reasons.SUCCESS

    def named(self, name: str) -> Stream:
        """Raises CommandRefusedError."""
        return self._registry.named(name)

    def listed(self) -> list[Stream]:
        return self._registry.listed

    def start(self, order: Order, start: Start) -> None:
        """Raises CommandRefusedError."""
        self._registry.require_free(start)
        self.open(self.prepare(start, order.fields), order.request)

    def open(self, prepared: Prepared, request: int = 0) -> Opening:
        """Has a media bug added for a stream, which runs as soon as that is on. `request`: of the command that is to be
        answered then; 0: nobody waits. Raises CommandRefusedError."""

        def launch(opening: Opening, fields: Mapping[str, str], fd: int) -> bool:
            self.launch(opening.number, prepared, fields, fd)
            return True

        return self.open_with(prepared.start, prepared.opening_fields(), launch, request)

    def launch(
        self, number: int, prepared: Prepared, fields: Mapping[str, str], fd: int, *, resumed: bool = False
    ) -> Stream:
        """See Launcher. Raises FactsError."""
        return self._launcher.launch(self.uuid, number, prepared, fields, fd, resumed=resumed)

    def opened(self, opening: Opening) -> None:
        """Its stream runs."""
        self._registry.remove_opening(opening, name_stays=True)
        opening.opened()

    def open_with(
        self,
        start: Start,
        fields: Mapping[str, str],
        launch: Launch,
        request: int = 0,
        over: Callable[[str], None] | None = None,
    ) -> Opening:
        """As open(), of a stream that `launch` makes (see Opening). `fields`: of OPEN. Raises CommandRefusedError."""
        self._registry.require_free(start)
        self._require_harmless()
        if not self.services.admit():
            raise CommandRefusedError(reasons.AT_CAPACITY)
        opening = Opening(self._registry.new_number(), start, request, self.port, launch, over)
        self._registry.add_opening(opening)
        opening.ask(fields)
        return opening

    def _require_harmless(self) -> None:
        """Raises CommandRefusedError."""
        if self.services.is_deadly(self.uuid):
            raise CommandRefusedError(reasons.DEADLY)

    def prepare(self, start: Start, fields: dict[str, str]) -> Prepared:
        """Raises CommandRefusedError."""
        prepared, warnings = prepare(start, fields, self.services.recordings_dirs)
        for warning in warnings:
            self.port.log(0, start.stream, LOG_WARNING, warning)
        return prepared

    def give_up(self, order: Order, name: str) -> bool:
        opening = self._registry.opening_named(name)
        if opening is None:
            return False
        self._registry.remove_opening(opening)
        opening.give_up(order.request)
        return True

    def close(self, order: Order, stream: Stream) -> None:
        # With the command's number: the reply comes after the media bug is off.
        self.port.close(stream.number, order.request)


def _table(fields: Mapping[str, str]) -> VerbTable[Any]:
    """The verbs of the API command that was given."""
    return TABLES.get(fields.get("api", ""), TABLES["openai"])


_HANDLERS: dict[int, Callable[[Channel, Message, deque[int]], None]] = {
    MessageType.HELLO: Channel._on_hello,
    MessageType.COMMAND: Channel._on_command,
    MessageType.OPENED: Channel._on_opened,
    MessageType.OPEN_FAILED: Channel._on_open_failed,
    MessageType.OPENING: Channel._on_opening,
    MessageType.RESUME: Channel._on_resume,
    MessageType.DONE: Channel._on_done,
    MessageType.HOLD: Channel._on_hold,
    MessageType.CLOSED: Channel._on_closed,
}
