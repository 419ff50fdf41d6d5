"""What ties a stream to its channel: its number on the link, its media bug, its audio files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..audio.audio_file import AudioFiles
from ..audio.file_writer import FileWriter
from ..dialect.messages import ServerMessage
from ..in_hand import InHand
from ..later import Later
from ..observe.mask import Mask
from ..stream.state import EndReason
from ..stream.stream import Stream
from .log_level import LOG_WARNING
from .module_port import ModulePort
from .registry import Registry
from .services import Services


class Attachment:
    """The stream's owner, as the stream sees it (StreamOwner)."""

    def __init__(
        self,
        number: int,
        name: str,
        mask: Mask,
        port: ModulePort,
        registry: Registry,
        services: Services,
        settle: Callable[[], None],
        in_hand: InHand,
    ) -> None:
        """`mask` hides what is secret in what is logged of files. `settle` is called when something has gone.
        `in_hand`: of the channel."""
        self._number = number
        self._name = name
        self._mask = mask
        self._port = port
        self._registry = registry
        self._services = services
        self._settle = settle
        self._later = in_hand.later(services.later)
        self._files: FileWriter | None = None

    @property
    def later(self) -> Later:
        return self._later

    def event(self, subclass: str, body: bytes) -> None:
        self._port.event(self._number, self._name, subclass, body)

    def log(self, level: int, text: str) -> None:
        self._port.log(self._number, self._name, level, text)

    def keep(self, kept: bytes) -> None:
        self._port.keep(self._number, kept)

    def write_audio_files(self, folder: Path, uuid: str, *, resumed: bool) -> None:
        """`resumed`: those of an engine before this one are the stream's, too."""
        files = AudioFiles(folder, uuid, self._name)
        self._files = FileWriter(files, self._services.executor, self._services.file_quota)
        if resumed:
            self._files.adopt()

    def audio_file(self, pcm: bytes, rate: int, message: ServerMessage | None) -> None:
        if self._files is not None:
            self._files.write(pcm, rate, message, self._file_written, self._warn)

    def _file_written(self, body: bytes) -> None:
        self.event("play", body)

    def _warn(self, text: str) -> None:
        self.log(LOG_WARNING, self._mask.hide(text))

    def stream_ended(self, stream: Stream, reason: EndReason) -> None:
        self._registry.release(self._name)
        self._services.streams.discard(stream)
        if self._files is not None:
            self._files.remove_all()
            self._files = None
        if reason in (EndReason.NO_RECONNECT, EndReason.NOT_CONNECTED):
            self._port.close(self._number, failure=stream.failure or "")

    def stream_gone(self, stream: Stream) -> None:
        self._registry.remove(self._number)
        stream.memory.close()
        self._settle()
