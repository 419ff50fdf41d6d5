"""FreeSWITCH's Event Socket behind a synchronous face.

The protocol is genesis's; its event loop runs in a thread of its own. Events are kept in the order of their arrival
until a test takes them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import genesis

Result = TypeVar("Result")

logging.getLogger("genesis.observability.logger").setLevel(logging.ERROR)

MODULE_SUBCLASSES = tuple(
    f"mod_openai_audio_stream::{name}"
    for name in (
        *("json", "connect", "disconnect", "error", "play", "openai_speech_start", "openai_speech_stop"),
        *("turn", "hold", "summary", "restored"),
    )
)
_CHANNEL_EVENTS = (
    "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_PARK CHANNEL_BRIDGE"
    " CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY PLAYBACK_START"
    " PLAYBACK_STOP STARTUP MODULE_LOAD MODULE_UNLOAD"
)


@dataclass(frozen=True)
class Event:
    """One event. ``subclass`` is empty unless ``name`` is CUSTOM; ``uuid`` is empty for events of no channel."""

    name: str
    subclass: str
    uuid: str
    headers: dict[str, str]
    body: str


class EventSocketError(Exception):
    """The Event Socket closed, or did not answer in time."""


class EventSocket:
    """One authenticated connection. A connection carries one command at a time: concurrent commands want several."""

    def __init__(self, port: int, password: str, kept_events: int = 100_000) -> None:
        self._client = genesis.Inbound("127.0.0.1", port, password)
        self._client.event_processors.append(self._keep)
        self._events: deque[Event] = deque(maxlen=kept_events)
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="event-socket", daemon=True)
        self._thread.start()
        try:
            self._run(self._client.start(), 10)
            self.command(f"event plain {_CHANNEL_EVENTS} CUSTOM {' '.join(MODULE_SUBCLASSES)}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection and end its thread. Closing again does nothing."""
        if self._loop.is_closed():
            return
        try:
            self._run(self._client.stop(), 10)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    def __enter__(self) -> EventSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self, line: str, timeout: float = 20) -> str:
        """Send a command of the protocol itself; returns its reply text.

        Raises EventSocketError on a reply that isn't ``+OK``.
        """
        reply = str(self._run(self._client.send(line), timeout).get("Reply-Text", ""))
        if not reply.startswith("+OK"):
            raise EventSocketError(f"{line.split()[0]}: {reply}")
        return reply

    def api(self, line: str, timeout: float = 20) -> str:
        """Run an API command and wait for its whole reply, stripped of the line ends around it."""
        return (self._run(self._client.send(f"api {line}"), timeout).body or "").strip()

    def subscribe(self, *subclasses: str) -> None:
        """Receive these CUSTOM events too."""
        self.command(f"event plain CUSTOM {' '.join(subclasses)}")

    def send_event(self, subclass: str, body: str) -> None:
        """Fire a CUSTOM event with this body, to which two line ends are added (genesis ends each command so)."""
        size = len(body.encode()) + 2
        self.command(f"sendevent CUSTOM\nEvent-Subclass: {subclass}\nContent-Length: {size}\n\n{body}", 60)

    def wait_for(
        self,
        kind: str,
        uuid: str | None = None,
        predicate: Callable[[Event], bool] | None = None,
        timeout: float = 20,
    ) -> Event:
        """Take the oldest event that fits; earlier and later ones stay.

        ``kind`` is an event's name, or the subclass of a CUSTOM event; a subclass of this project's module may go
        without its prefix. Raises EventSocketError when none has come after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                for event in self._events:
                    if _fits(event, kind, uuid, predicate):
                        self._events.remove(event)
                        return event
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise EventSocketError(f"no {kind} event for {uuid or 'any channel'} in {timeout} s")

    def taken(self, kind: str, uuid: str | None = None) -> list[Event]:
        """Take all the events of that kind that are here by now, oldest first, without waiting."""
        with self._arrived:
            found = [event for event in self._events if _fits(event, kind, uuid, None)]
            for event in found:
                self._events.remove(event)
            return found

    def _keep(self, _protocol: object, event: Any) -> None:
        # A processor, not a handler: genesis runs synchronous handlers in a thread pool, which loses the order.
        if event.get("Content-Type") != "text/event-plain":
            return
        headers = {str(name): value if isinstance(value, str) else value[0] for name, value in event.items()}
        kept = Event(
            name=headers.get("Event-Name", ""),
            subclass=headers.get("Event-Subclass", ""),
            uuid=headers.get("Unique-ID", ""),
            headers=headers,
            body=event.body or "",
        )
        with self._arrived:
            self._events.append(kept)
            self._arrived.notify_all()

    def _run(self, work: Coroutine[Any, Any, Result], timeout: float) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise EventSocketError(f"no answer in {timeout} s") from None
        except genesis.exceptions.ConnectionError as error:
            raise EventSocketError(str(error)) from error


def _fits(event: Event, kind: str, uuid: str | None, predicate: Callable[[Event], bool] | None) -> bool:
    named = kind in (event.name, event.subclass) or event.subclass == f"mod_openai_audio_stream::{kind}"
    return named and uuid in (None, event.uuid) and (predicate is None or predicate(event))
