"""The commands of the module under test, on one channel."""

from __future__ import annotations

from mod_openai_realtime.freeswitch import Event, EventSocket


class StreamCommands:
    """``uuid_openai_audio_stream`` (or ``uuid_raw_audio_stream``) for one channel."""

    def __init__(self, events: EventSocket, uuid: str, api: str = "uuid_openai_audio_stream") -> None:
        self._events = events
        self._api = api
        self.uuid = uuid

    def run(self, arguments: str) -> str:
        """Run a command; returns its reply as it is."""
        return self._events.api(f"{self._api} {self.uuid} {arguments}")

    def ok(self, arguments: str) -> None:
        """Run a command that has to succeed."""
        reply = self.run(arguments)
        assert reply.startswith("+OK"), f"{arguments}: {reply}"

    def start(self, url: str, arguments: str = "mono 8000 24000") -> Event:
        """Start, and wait for the `connect` event."""
        self.ok(f"start {url} {arguments}")
        return self.wait_for("connect")

    def wait_for(self, subclass: str, timeout: float = 20) -> Event:
        """Take the oldest event of this subclass of the module's for this channel."""
        return self._events.wait_for(subclass, self.uuid, timeout=timeout)
