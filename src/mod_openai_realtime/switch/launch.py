"""From a media bug to a stream that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .._media import StreamMemory
from ..audio.recording import Recording
from ..audio.recording_place import Place, Spot
from ..realtime.endpoint import Endpoint, EndpointListener, EndpointSettings
from ..stream.stream import Stream
from ..stream.stream_plan import StreamPlan
from .attachment import Attachment
from .channel_facts import ChannelFacts, away_ms, is_on_hold, map_memory
from .command import Start
from .module_port import ModulePort
from .prepared import Prepared
from .registry import Registry
from .services import Services


class Launcher:
    """Of one channel."""

    def __init__(self, port: ModulePort, registry: Registry, services: Services, settle: Callable[[], None]) -> None:
        self._port = port
        self._registry = registry
        self._services = services
        self._settle = settle
        self._recordings: set[Recording] = set()  # until their file is closed

    @property
    def busy(self) -> bool:
        """A recording is not finished yet: its stream may be gone."""
        return bool(self._recordings)

    def launch(
        self, uuid: str, number: int, prepared: Prepared, fields: Mapping[str, str], fd: int, *, resumed: bool = False
    ) -> Stream:
        """`fields`: of OPENED or RESUME; `fd`: of the memory, -1 where none came, and the caller's to close. `resumed`:
        it goes on after a restart of the engine. Raises FactsError."""
        start, settings, services = prepared.start, prepared.settings, self._services
        facts, away = ChannelFacts.read(fields), away_ms(fields)
        memory, in_hand = map_memory(fd), services.in_hand(uuid)
        attachment = Attachment(
            number, start.stream, prepared.endpoint.mask, self._port, self._registry, services, self._settle, in_hand
        )
        if settings.audio_files and start.playback_rate is not None and prepared.temp_dir:
            attachment.write_audio_files(Path(prepared.temp_dir), uuid, resumed=resumed)
        plan = StreamPlan(
            number,
            start,
            settings,
            prepared.endpoint,
            facts,
            f"{uuid} {start.stream}",
            # After a restart of the engine there may have been a connection before: then it is waited for.
            needs_connection=prepared.needs_connection and not resumed,
            kept=fields.get("kept", "").encode("utf-8", "surrogateescape") if resumed else None,
            away_ms=away,
            audio_file=attachment.audio_file,
            piloting=prepared.piloting,
        )
        recording = self._record(uuid, number, start, prepared.recording, memory, facts) if prepared.recording else None

        def make_endpoint(settings: EndpointSettings, listener: EndpointListener) -> Endpoint:
            return services.make_endpoint(settings, listener, in_hand)

        stream = Stream(plan, memory, attachment, make_endpoint, services.usage, recording)
        self._registry.add(stream)
        services.streams.add(stream, in_hand)
        if self._port.full:
            stream.pause_reading(True)
        stream.start()
        stream.hold(is_on_hold(fields))
        return stream

    def _record(
        self, uuid: str, number: int, start: Start, place: Place, memory: StreamMemory, facts: ChannelFacts
    ) -> Recording:
        def find_spot() -> Spot:
            return place.open(uuid, start.stream)

        def finished() -> None:
            self._recordings.discard(recording)
            self._settle()

        recording = Recording(
            memory,
            find_spot,
            self._services.executor,
            lambda level, text: self._port.log(number, start.stream, level, text),
            finished,
            rate=facts.read_rate,
            ptime_ms=facts.ptime_ms,
            mix=start.mix,
        )
        self._recordings.add(recording)
        return recording
