"""FreeSWITCH's Event Socket, for code without an event loop: commands are waited for, events are kept until taken."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Self
from urllib.parse import unquote

from ..switch.events import EVENTS, PREFIX

MODULE_SUBCLASSES = tuple(f"{PREFIX}{name}" for name in EVENTS)
CHANNEL_EVENTS = (
    "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_PARK CHANNEL_BRIDGE"
    " CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY PLAYBACK_START"
    " PLAYBACK_STOP STARTUP MODULE_LOAD MODULE_UNLOAD"
)
_CONNECT_S = 10.0
_MAX_LINE_BYTES = 1 << 20
_MAX_BODY_BYTES = 64 << 20


@dataclass(frozen=True)
class Event:
    """One event. `subclass` is empty unless `name` is CUSTOM; `uuid` is empty for events of no channel."""

    name: str
    subclass: str
    uuid: str
    headers: dict[str, str]
    body: str


class EventSocketError(Exception):
    """The Event Socket closed, refused a command, or did not answer in time."""


class EventSocket:
    """One authenticated connection to 127.0.0.1. Commands of several threads go one after the other: those that are to
    run at the same time want several connections. Raises EventSocketError, or OSError where nobody listens.

    `events`: the names of those to be told of. Of events that nobody takes the newest `kept_events` are kept.
    """

    def __init__(
        self,
        port: int,
        password: str,
        kept_events: int = 100_000,
        events: str = f"{CHANNEL_EVENTS} CUSTOM {' '.join(MODULE_SUBCLASSES)}",
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _CONNECT_S)
        self._events: deque[Event] = deque(maxlen=kept_events)
        self._arrived = threading.Condition()
        self._command = threading.Lock()
        self._replies: queue.SimpleQueue[tuple[dict[str, str], str] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._read, name="event-socket", daemon=True)
        try:
            self._socket.settimeout(None)
            self._thread.start()
            self._reply(_CONNECT_S)  # it asks for the password
            self.command(f"auth {password}")
            self.command(f"event plain {events}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection and ends its thread. Closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._hang_up()
        if self._thread.is_alive():
            self._thread.join(10)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self, line: str, timeout: float = 20) -> str:
        """Sends a command of the protocol itself; returns its reply text. Raises EventSocketError unless that is
        `+OK`."""
        reply = self._send(line, "", timeout)[0].get("Reply-Text", "")
        if not reply.startswith("+OK"):
            raise EventSocketError(f"{line.split()[0]}: {reply}")
        return reply

    def api(self, line: str, timeout: float = 20) -> str:
        """Runs an API command and waits for its whole reply, without the white space around it."""
        return self._send(f"api {line}", "", timeout)[1].strip()

    def subscribe(self, *subclasses: str) -> None:
        """To be told of these CUSTOM events too."""
        self.command(f"event plain CUSTOM {' '.join(subclasses)}")

    def send_event(self, subclass: str, body: str) -> None:
        """Fires a CUSTOM event with this body."""
        line = f"sendevent CUSTOM\nEvent-Subclass: {subclass}\nContent-Length: {len(body.encode())}"
        self._send(line, body, 60)

    def wait_for(
        self,
        kind: str,
        uuid: str | None = None,
        predicate: Callable[[Event], bool] | None = None,
        timeout: float = 20,
    ) -> Event:
        """Takes the oldest event that fits; earlier and later ones stay.

        `kind` is an event's name, or the subclass of a CUSTOM event; a subclass of this project's module may go without
        its prefix. Raises EventSocketError when none has come after `timeout` seconds.
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

    def taken(self, kind: str | None = None, uuid: str | None = None) -> list[Event]:
        """Takes all the events of that kind (None: of any) that are here by now, oldest first, without waiting."""
        with self._arrived:
            found = [event for event in self._events if _fits(event, kind, uuid, None)]
            for event in found:
                self._events.remove(event)
            return found

    def _send(self, line: str, body: str, timeout: float) -> tuple[dict[str, str], str]:
        with self._command:
            try:
                self._socket.sendall(f"{line}\n\n{body}".encode())
            except OSError as error:
                raise EventSocketError(str(error)) from error
            return self._reply(timeout)

    def _reply(self, timeout: float) -> tuple[dict[str, str], str]:
        try:
            reply = self._replies.get(timeout=timeout)
        except queue.Empty:
            self._hang_up()  # what comes late would be taken for the answer to the next command
            raise EventSocketError(f"no answer in {timeout} s") from None
        if reply is None:
            self._replies.put(None)
            raise EventSocketError("the connection is closed")
        return reply

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):  # it is closed at the other end
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        # An error is the end of the connection, or of sense: the same for whoever waits.
        with contextlib.suppress(OSError, ValueError), self._socket.makefile("rb") as file:
            while (message := _message(file)) is not None:
                self._take(*message)
        self._replies.put(None)

    def _take(self, headers: dict[str, str], body: str) -> None:
        kind = headers.get("Content-Type", "")
        if kind in ("auth/request", "command/reply", "api/response"):
            self._replies.put((headers, body))
        elif kind == "text/event-plain":
            with self._arrived:
                self._events.append(_event(body))
                self._arrived.notify_all()


def _message(file: BinaryIO) -> tuple[dict[str, str], str] | None:
    """Headers and body; None at the end. Raises ValueError for what is none."""
    headers: dict[str, str] = {}
    while line := file.readline(_MAX_LINE_BYTES):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text and headers:
            size = int(headers.get("Content-Length", "0"))
            if not 0 <= size <= _MAX_BODY_BYTES:
                raise ValueError(f"a body of {size} bytes")
            return headers, file.read(size).decode("utf-8", "replace")
        name, _, value = text.partition(": ")
        headers.setdefault(name, value)
    return None


def _event(text: str) -> Event:
    """From the body of text/event-plain: headers in percent encoding, and a body where the event has one."""
    head, _, body = text.partition("\n\n")
    headers: dict[str, str] = {}
    for line in head.splitlines():
        name, _, value = line.partition(": ")
        headers.setdefault(name, unquote(value))
    return Event(
        name=headers.get("Event-Name", ""),
        subclass=headers.get("Event-Subclass", ""),
        uuid=headers.get("Unique-ID", ""),
        headers=headers,
        body=body,
    )


def _fits(event: Event, kind: str | None, uuid: str | None, predicate: Callable[[Event], bool] | None) -> bool:
    named = kind is None or kind in (event.name, event.subclass) or event.subclass == f"{PREFIX}{kind}"
    return named and uuid in (None, event.uuid) and (predicate is None or predicate(event))
