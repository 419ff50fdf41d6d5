"""One channel of the switch: its streams by name, who may play, and the commands that come for it."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import orjson

from .._media import StreamMemory
from ..audio.audio_file import AudioFiles
from ..audio.file_quota import FileQuota
from ..audio.file_writer import FileWriter
from ..audio.recording import Recording
from ..audio.recording_place import Place, Spot, place_for
from ..dialect.messages import ServerMessage
from ..later import Later, Timer
from ..observe.printable import printable
from ..observe.usage import Usage
from ..pilot.error_event import error_body
from ..realtime.endpoint import EndpointSettings, HeaderError
from ..realtime.tls import TlsSettingsError, make_context
from ..stream.outbound import CommandRefusedError
from ..stream.settings import Settings, SettingsError
from ..stream.state import EndReason
from ..stream.stream import MakeEndpoint, Stream
from ..stream.stream_plan import StreamPlan
from . import reasons
from .channel_facts import LARGEST_NUMBER, ChannelFacts, FactsError, away_ms, is_on_hold, map_memory, what_to_capture
from .command import (
    Break,
    Command,
    CommandError,
    Direction,
    List,
    Mute,
    Pause,
    Resume,
    SendJson,
    Start,
    Stop,
    Unmute,
    parse_command,
)
from .default_key import stream_variables
from .link import Link
from .log_level import LOG_WARNING
from .opening import Opening
from .payload import PayloadError, decode_payload
from .wire import Message, MessageType

logger = logging.getLogger(__name__)

MAX_UUID_CHARACTERS = 256  # as the module has it


class TickedStreams(Protocol):
    """What the media clock ticks."""

    def add(self, stream: Stream, /) -> None: ...
    def discard(self, stream: Stream, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What channels share within a worker."""

    make_endpoint: MakeEndpoint
    executor: Executor  # one thread, so that files are written in order
    streams: TickedStreams
    forget: Callable[[Channel], None]
    settled: Callable[[], None]  # a channel has no stream left
    admit: Callable[[], bool]  # whether the engine takes one stream more
    usage: Usage  # of all streams there are and have been
    later: Later
    file_quota: FileQuota = field(default_factory=FileQuota)
    recordings_dirs: tuple[Path, ...] = ()  # besides FreeSWITCH's own


class Channel:
    """Lives as long as its link. Everything happens on the event loop."""

    def __init__(self, link: Link, services: Services) -> None:
        self._link = link
        self._services = services
        self.uuid = ""
        self._next_number = 1
        self._opening: dict[int, Opening] = {}
        self._streams: dict[int, Stream] = {}  # until their WebSocket is closed
        self._names: dict[str, int] = {}  # until they are stopped
        self._files: dict[int, FileWriter] = {}
        self._recordings: set[Recording] = set()  # until their file is closed
        self._idle = True
        link.start(self)

    # -- from the link (LinkListener)

    def on_message(self, message: Message, fds: deque[int]) -> None:
        try:
            self._take(message, fds)
        except Exception:
            # A fault of ours: whoever waits is told at once, other streams go on.
            logger.exception("%s: message %d failed", self.uuid, message.type)
            opening = self._opening.pop(message.stream, None)
            if opening is not None:
                self._release(opening.start.stream)
                self._link.send(MessageType.CLOSE, stream=message.stream, request=message.request)
            if message.request:
                self._reply(message.request, reasons.error_reply(reasons.INTERNAL_ERROR))
        self._settle()

    def _take(self, message: Message, fds: deque[int]) -> None:
        kind, fields = message.type, message.fields
        if kind == MessageType.HELLO:
            self.uuid = printable(fields.get("uuid", ""))[:MAX_UUID_CHARACTERS]
        elif kind == MessageType.COMMAND:
            self._idle = False
            self._command(message.request, fields)
        elif kind == MessageType.OPENED:
            self._opened(message, fds)
        elif kind == MessageType.OPEN_FAILED:
            self._open_failed(message.stream, fields.get("reason", "Channel has no media"))
        elif kind == MessageType.OPENING:
            opening = self._opening.get(message.stream)
            if opening is not None:
                self._reply(opening.request, reasons.SUCCESS)
                opening.request = 0
        elif kind == MessageType.RESUME:
            self._idle = False
            self._resume(message, fds)
        elif kind == MessageType.HOLD:
            for held in list(self._streams.values()):
                held.hold(is_on_hold(fields))
        elif kind == MessageType.CLOSED:
            self._open_failed(message.stream, "Channel has ended")  # where it was still to be opened
            stream = self._streams.get(message.stream)
            if stream is not None and not stream.closing:
                # Not asked for by us: the channel has ended, or the module takes all off.
                removed = fields.get("cause") == "removed"
                stream.stop(reason=EndReason.UNLOAD if removed else EndReason.HANGUP)

    def on_link_full(self, full: bool) -> None:
        for stream in self._streams.values():
            stream.pause_reading(full)

    def on_link_lost(self) -> None:
        for number in list(self._opening):
            self._release(self._opening.pop(number).start.stream)
        self.end_all(EndReason.SWITCH_LOST)
        self._services.forget(self)

    def end_all(self, reason: EndReason) -> None:
        for stream in list(self._streams.values()):
            stream.stop(reason=reason)

    @property
    def link(self) -> Link:
        return self._link

    @property
    def stream_count(self) -> int:
        return len(self._streams) + len(self._opening)

    @property
    def busy(self) -> bool:
        """Something is left that would use the link."""
        return bool(self._streams or self._opening or self._recordings)

    # -- commands

    def _command(self, request: int, fields: dict[str, str]) -> None:
        try:
            command = parse_command(fields.get("arguments", ""))
        except CommandError as error:
            self._reply(request, error.reply())
            return
        if fields.get("channel") != "1":
            self._reply_error(request, reasons.CHANNEL_NOT_FOUND, command)
            return
        try:
            if isinstance(command, Start):
                self._start(request, command, fields)
            elif isinstance(command, List):
                self._reply(request, "+OK " + self._list(command))
            else:
                self._control(request, command)
                self._reply(request, reasons.SUCCESS)
        except CommandRefusedError as error:
            self._reply_error(request, error.reason, command)

    def _control(self, request: int, command: Command) -> None:
        assert not isinstance(command, Start | List)
        if isinstance(command, Stop) and self._names.get(command.stream) in self._opening:
            # Its bug, should it come, is let go of.
            del self._opening[self._names.pop(command.stream)]
            return
        stream = self._named(command.stream)
        if isinstance(command, Stop):
            self._stop(request, stream, command)
        elif isinstance(command, Pause):
            stream.pause()
        elif isinstance(command, Resume):
            stream.resume()
        elif isinstance(command, Break):
            stream.silence()
        elif isinstance(command, Mute):
            stream.mute(command.target)
        elif isinstance(command, Unmute):
            stream.unmute(command.target)
        else:
            assert isinstance(command, SendJson)
            try:
                stream.send_json(decode_payload(command.payload))
            except PayloadError as error:
                raise CommandRefusedError(error.reason) from None

    def _named(self, name: str) -> Stream:
        number = self._names.get(name)
        if number in self._opening:
            raise CommandRefusedError(reasons.NOT_CONNECTED)  # its channel's media is to come
        if number is None or number not in self._streams:
            raise CommandRefusedError(reasons.STREAM_NOT_FOUND)
        return self._streams[number]

    def _stop(self, request: int, stream: Stream, command: Stop) -> None:
        payload, failed = None, None
        if command.payload is not None:
            try:
                payload = decode_payload(command.payload)
            except PayloadError as error:
                failed = error.reason
        try:
            stream.stop(payload)
        except CommandRefusedError as error:
            failed = error.reason
        # With the command's number: the reply comes after the media bug is off.
        self._link.send(MessageType.CLOSE, stream=stream.number, request=request)
        if failed is not None:
            raise CommandRefusedError(reasons.final_message_failed(failed))

    def _list(self, command: List) -> str:
        if command.stream is not None:
            streams = [self._named(command.stream)]
        else:
            streams = [self._streams[number] for number in self._names.values() if number in self._streams]
        return orjson.dumps([stream.describe() for stream in streams]).decode()

    # -- start

    def _start(self, request: int, start: Start, fields: dict[str, str]) -> None:
        self._require_free(start)
        opening = self._prepare(request, start, fields)
        if not self._services.admit():
            raise CommandRefusedError(reasons.AT_CAPACITY)
        number = self._next_number
        self._next_number = number % LARGEST_NUMBER + 1
        self._opening[number] = opening
        self._names[start.stream] = number
        self._link.send(
            MessageType.OPEN,
            stream=number,
            request=request,
            fields={
                "name": start.stream,
                "capture": what_to_capture(start, recorded=opening.recording is not None),
                "playback": "0" if start.direction is Direction.SEND else "1",
                "record": "1" if opening.recording is not None else "0",
            },
        )

    def _require_free(self, start: Start) -> None:
        """Its name, and the playback if it plays. Raises CommandRefusedError."""
        if start.stream in self._names:
            raise CommandRefusedError(reasons.STREAM_EXISTS)
        if start.direction is not Direction.SEND and (owner := self._playing()) is not None:
            raise CommandRefusedError(reasons.playback_owned(owner))

    def _playing(self) -> str | None:
        """The stream that has playback, if any."""
        for name, number in self._names.items():
            opening = self._opening.get(number)
            direction = opening.start.direction if opening is not None else self._streams[number].direction
            if direction is not Direction.SEND:
                return name
        return None

    def _prepare(self, request: int, start: Start, fields: dict[str, str]) -> Opening:
        """Everything that can refuse a start before the channel is touched. Raises CommandRefusedError."""
        try:
            settings, warnings = Settings.read(stream_variables(start.uri, fields), raw_api=fields.get("api") == "raw")
            endpoint_settings = EndpointSettings(
                uri=start.uri,
                failover=settings.failover,
                headers=settings.headers,
                deflate=settings.deflate,
                heart_beat_s=settings.heart_beat_s,
                reconnect=settings.reconnect,
                tls=settings.tls,
            )
            if any(uri[:4].lower() == "wss:" for uri in (start.uri, *settings.failover)):
                make_context(settings.tls)
        except (SettingsError, TlsSettingsError, HeaderError) as error:
            raise CommandRefusedError(str(error)) from None
        recording, unrecorded = place_for(settings, fields, self._services.recordings_dirs)
        for warning in warnings + unrecorded:
            self._log(0, start.stream, LOG_WARNING, warning)
        return Opening(
            request,
            start,
            settings,
            endpoint_settings,
            fields.get("temp_dir", ""),
            recording,
            application=fields.get("application") == "1",
        )

    def _opened(self, message: Message, fds: deque[int]) -> None:
        opening = self._opening.get(message.stream)
        fd = fds.popleft() if fds else -1
        try:
            if opening is None:
                # Nobody asked, or nobody waits any more: let go of the bug.
                self._link.send(MessageType.CLOSE, stream=message.stream)
            else:
                self._run(message.stream, opening, message.fields, fd)
                del self._opening[message.stream]
                if opening.request:
                    self._reply(opening.request, reasons.SUCCESS)
        except FactsError as error:
            self._link.send(MessageType.CLOSE, stream=message.stream, request=message.request)
            self._open_failed(message.stream, str(error))
        finally:
            if fd >= 0:
                os.close(fd)

    def _open_failed(self, number: int, reason: str) -> None:
        opening = self._opening.pop(number, None)
        if opening is None:
            return
        name = opening.start.stream
        self._release(name)
        if opening.request:
            self._reply_error(opening.request, reason, opening.start)
            return
        # The command was told that it succeeded.
        self._log(number, name, LOG_WARNING, f"start failed: {reason}")
        self._event(number, name, "error", error_body(reason))

    def _resume(self, message: Message, fds: deque[int]) -> None:
        """The engine has been restarted, the stream has not: start it again from what the module has kept."""
        fields, number = message.fields, message.stream
        fd = fds.popleft() if fds else -1
        try:
            if number in self._streams:
                return  # it goes on already
            start = parse_command(fields.get("arguments", ""))
            if not isinstance(start, Start) or not 0 < number <= LARGEST_NUMBER:
                raise FactsError("not a start command, or not a stream's number")
            self._next_number = max(self._next_number, number % LARGEST_NUMBER + 1)
            self._require_free(start)
            # Whether the caller is muted by now is in the memory; the command says only how it began.
            opening = self._prepare(0, replace(start, mute_user=False), fields)
            self._run(number, opening, fields, fd, resumed=True)
            self._names[start.stream] = number
        except (CommandError, CommandRefusedError, FactsError) as error:
            self._log(number, fields.get("name", ""), LOG_WARNING, f"stream cannot be resumed: {error}")
            self._link.send(MessageType.CLOSE, stream=number)
        finally:
            if fd >= 0:
                os.close(fd)

    def _run(self, number: int, opening: Opening, fields: dict[str, str], fd: int, *, resumed: bool = False) -> None:
        start = opening.start
        facts = ChannelFacts.read(fields)
        memory = map_memory(fd)
        recording = self._record(number, start, opening.recording, memory, facts) if opening.recording else None
        plan = StreamPlan(
            number,
            start,
            opening.settings,
            opening.endpoint_settings,
            facts,
            f"{self.uuid} {start.stream}",
            # After a restart of the engine there may have been a connection before: then it is waited for.
            needs_connection=opening.application and not resumed,
            kept=fields.get("kept", "").encode("utf-8", "surrogateescape") if resumed else None,
            away_ms=away_ms(fields),
        )
        services = self._services
        stream = Stream(plan, memory, self, services.make_endpoint, services.usage, recording)
        self._streams[number] = stream
        if opening.settings.audio_files and start.playback_rate is not None and opening.temp_dir:
            files = AudioFiles(Path(opening.temp_dir), self.uuid, start.stream)
            writer = self._files[number] = FileWriter(files, self._services.executor, self._services.file_quota)
            if resumed:
                writer.adopt()
        self._services.streams.add(stream)
        if self._link.full:
            stream.pause_reading(True)
        stream.start()
        stream.hold(is_on_hold(fields))

    def _record(self, number: int, start: Start, place: Place, memory: StreamMemory, facts: ChannelFacts) -> Recording:
        def find_spot() -> Spot:
            return place.open(self.uuid, start.stream)

        def finished() -> None:
            self._recordings.discard(recording)
            self._settle()

        recording = Recording(
            memory,
            find_spot,
            self._services.executor,
            lambda level, text: self._log(number, start.stream, level, text),
            finished,
            rate=facts.read_rate,
            ptime_ms=facts.ptime_ms,
            mix=start.mix,
        )
        self._recordings.add(recording)
        return recording

    # -- from streams (StreamOwner)

    def event(self, stream: Stream, subclass: str, body: bytes) -> None:
        self._event(stream.number, stream.name, subclass, body)

    def log(self, stream: Stream, level: int, text: str) -> None:
        self._log(stream.number, stream.name, level, text)

    def audio_file(self, stream: Stream, pcm: bytes, rate: int, message: ServerMessage | None) -> None:
        writer = self._files.get(stream.number)
        if writer is not None:
            writer.write(
                pcm,
                rate,
                message,
                lambda body: self.event(stream, "play", body),
                stream.warn,
            )

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return self._services.later(delay_s, function)

    def keep(self, stream: Stream, kept: bytes) -> None:
        self._link.send(MessageType.KEEP, stream=stream.number, fields={"kept": kept})

    def stream_ended(self, stream: Stream, reason: EndReason) -> None:
        self._release(stream.name)
        self._services.streams.discard(stream)
        files = self._files.pop(stream.number, None)
        if files is not None:
            files.remove_all()
        if reason in (EndReason.NO_RECONNECT, EndReason.NOT_CONNECTED):
            self._link.send(MessageType.CLOSE, stream=stream.number, fields={"failure": stream.failure or ""})

    def stream_gone(self, stream: Stream) -> None:
        self._streams.pop(stream.number, None)
        stream.memory.close()
        self._settle()

    # -- inner

    def _release(self, name: str) -> None:
        self._names.pop(name, None)

    def _settle(self) -> None:
        """Tell the module, once, when nothing is left that would use the link."""
        if not self._idle and not self.busy:
            self._idle = True
            self._link.send(MessageType.IDLE)
            self._services.settled()

    def _reply(self, request: int, text: str) -> None:
        self._link.send(MessageType.REPLY, request=request, fields={"text": printable(text)})

    def _reply_error(self, request: int, reason: str, command: Command) -> None:
        selector = command.stream if isinstance(command, List) or command.explicit else None
        self._reply(request, reasons.error_reply(reason, selector))

    def _event(self, number: int, name: str, subclass: str, body: bytes) -> None:
        self._link.send(MessageType.EVENT, stream=number, fields={"subclass": subclass, "body": body, "name": name})

    def _log(self, number: int, name: str, level: int, text: str) -> None:
        # What a server, a path or a name holds must not move the cursor of whoever reads the log.
        line = printable(f"openai_audio_stream {name}: {text}")
        self._link.send(MessageType.LOG, stream=number, fields={"level": str(level), "text": line})
