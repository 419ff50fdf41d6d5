"""A caller on hold: the agent's stream is paused, and the channel's hold music takes its place."""

from __future__ import annotations

import asyncio
import logging

from ..switch.execution import ExecuteKind, ExecutionError
from .live_call import LiveCall

logger = logging.getLogger(__name__)

_SILENCE = ("", "silence")


class Hold:
    """Of one call."""

    def __init__(self, line: LiveCall) -> None:
        self._line = line
        self._music: str | None = None
        """What plays; None where nothing does, as far as this worker knows."""
        self._paused = False
        self._changing = asyncio.Lock()

    async def change(self, to: str) -> None:
        """`on`; `silent`, without the music; or `off`, whoever put the caller on hold. Raises CommandRefusedError where
        there is no stream."""
        async with self._changing:
            if to == "on":
                await self._begin()
            else:
                await self._stop_music()
                if to == "off":
                    self._paused = False
                    self._line.stream_command("resume")

    async def _begin(self) -> None:
        line = self._line
        if self._music is not None:
            return
        line.stream_command("pause")
        self._paused = True
        music = await self._variable()
        self._music = music
        if music not in _SILENCE:
            try:
                await line.freeswitch(ExecuteKind.API, "uuid_displace", f"{line.uuid} start {music} 0 l")
            except ExecutionError as error:
                # A caller waits in silence rather than not at all: whoever is asked meanwhile matters more.
                logger.warning("%s: no hold music (%s): %s", line.uuid, music, error)
                self._music = ""

    async def _stop_music(self) -> None:
        music, self._music = self._music, None
        known = music is not None or self._paused
        if not known:
            music = await self._variable()  # a worker before this one may have begun it
        if music is None or music in _SILENCE:
            return
        line = self._line
        try:
            await line.freeswitch(ExecuteKind.API, "uuid_displace", f"{line.uuid} stop {music}")
        except ExecutionError:
            if known:
                raise

    async def _variable(self) -> str:
        return await self._line.freeswitch(ExecuteKind.GET, "hold_music") or ""
