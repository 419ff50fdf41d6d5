"""A switch and its calls, as the contract sees them."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audio.g711 import Pcm16

API = "uuid_openai_audio_stream"
RAW_API = "uuid_raw_audio_stream"
HOLDS = ("sendonly", "inactive", "uuid_hold")
ADDED = ("turn", "hold", "summary", "restored")  # by this module
SUBCLASSES = ("json", "connect", "disconnect", "error", "play", "openai_speech_start", "openai_speech_stop")


@dataclass(frozen=True)
class Event:
    """An event of the module. `name` is its subclass, without the module's."""

    name: str
    headers: Mapping[str, str]
    body: str

    @property
    def uuid(self) -> str:
        return self.headers.get("Unique-ID", "")

    @property
    def stream(self) -> str:
        return self.headers.get("Stream-Name", "")

    def json(self) -> Any:
        return json.loads(self.body)


class Leg(ABC):
    """One call. Time passes for it in `run`, `until` and `event`; with a stepped clock only there."""

    uuid: str
    rate: int
    """Of what the caller hears, in Hz."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    @property
    def stepped(self) -> bool:
        """Whether samples can be counted: the switch's."""
        return self._switch.stepped

    # The call

    @abstractmethod
    def say(self, samples: Pcm16) -> None:
        """The caller says this, behind what there is to say yet; silence where there is nothing."""

    def tell(self, samples: Pcm16) -> None:
        """The caller says this, and time passes until the switch has it."""
        self.say(samples)
        self._pass_until_said()

    @abstractmethod
    def _pass_until_said(self) -> None: ...

    @abstractmethod
    def run(self, ms: int) -> None:
        """Lets so much of media time pass."""

    @abstractmethod
    def heard(self, since: int = 0) -> Pcm16:
        """All that the channel has sent to the caller since the last change of its rate, from that sample on."""

    @abstractmethod
    def hangup(self) -> None:
        """Returns once the channel is gone."""

    @abstractmethod
    def set_variable(self, name: str, value: str) -> None: ...

    @abstractmethod
    def change_rate(self, rate: int) -> None:
        """A re-INVITE with another codec."""

    @abstractmethod
    def hold(self, how: str = "sendonly") -> None:
        """The caller's phone puts the call on hold (`sendonly` or `inactive`), or the switch does (`uuid_hold`).

        Returns when the switch has it so. On hold nothing is heard, and nothing that is said comes through.
        """

    @abstractmethod
    def unhold(self) -> None: ...

    @abstractmethod
    def key(self, digits: str) -> None:
        """The caller presses these keys."""

    @abstractmethod
    def bugs(self) -> int:
        """How many media bugs are on the channel."""

    @abstractmethod
    def log(self) -> list[str]:
        """The lines about this channel, each with its level in front."""

    def warnings(self) -> list[str]:
        """Without the one that a far end which does not greet earns after 5 s, which only a slow machine gets."""
        return [line for line in self.log() if line.startswith("WARNING") and "no session.created" not in line]

    # Waiting

    @abstractmethod
    def _pass_some_time(self) -> None:
        """A little media time, for a condition that is waited for."""

    def until(self, condition: Callable[[], object], *, still: bool = False, limit_s: float = 60.0) -> None:
        """Lets time pass until the condition holds. Raises AssertionError.

        `still`: a stepped clock stands still meanwhile, where what the caller says is counted.
        """
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"not so within {limit_s} s\n" + "\n".join(self.log()[-20:])
            if still and self.stepped:
                self._switch.collect(0.01)
            else:
                self._pass_some_time()

    # Commands and events

    def api(self, command: str, api: str = API) -> str:
        return self._switch.api(api, f"{self.uuid} {command}")

    def ok(self, command: str, api: str = API) -> None:
        reply = self.api(command, api)
        assert reply == "+OK Success", f"{command.split()[0]}: {reply}"

    def start(self, arguments: str, api: str = API) -> None:
        """A stream that is connected when this returns. No time passes for a stepped clock."""
        names = [word.removeprefix("stream=") for word in arguments.split() if word.startswith("stream=")]
        self.ok(f"start {arguments}", api)
        self.event("connect", stream=(names or ["default"])[0], still=True)
        self._settle()

    @abstractmethod
    def _settle(self) -> None:
        """Until the caller is heard; no time for a stepped clock."""

    def event(self, name: str, *, stream: str | None = None, still: bool = False, limit_s: float = 60.0) -> Event:
        """Takes the oldest event of that name; `still`: a stepped clock stands still meanwhile."""
        deadline = time.monotonic() + limit_s
        while True:
            found = self._switch.take(self.uuid, name, stream)
            if found is not None:
                return found
            assert time.monotonic() < deadline, f"no {name} event within {limit_s} s\n" + "\n".join(self.log()[-20:])
            if still:
                self._switch.collect(0.1)
            else:
                self._pass_some_time()

    def forget_events(self) -> None:
        """Those so far are of no interest."""
        self.events()

    def events(self, *names: str) -> list[Event]:
        """Takes what is here by now, of these names (of all, if none is given), in order."""
        return self._switch.take_all(self.uuid, names or SUBCLASSES)


class Switch(ABC):
    """A switch with the module loaded and its engine running."""

    name: str
    stepped: bool
    """Whether time stands still unless a test lets it pass; then samples can be counted."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    @abstractmethod
    def call(
        self,
        rate: int = 8000,
        *,
        variables: Mapping[str, str] | None = None,
        state: str = "answered",
        channel_tone: int = 0,
        changes_to: int = 0,
    ) -> Leg:
        """A call, `answered`, `early`, `ringing`, or `no-media`: a ringing one that can't reach early media.

        `channel_tone`: the channel itself plays a tone of so many Hz. `changes_to`: the rate of a later change.
        """

    @abstractmethod
    def api(self, name: str, arguments: str = "") -> str:
        """An API command's reply, without the line ends around it. May be called from any thread."""

    @abstractmethod
    def load(self) -> None: ...

    @abstractmethod
    def unload(self) -> None: ...

    @abstractmethod
    def completions(self, line: str) -> list[str]:
        """What the console offers for the last word of a line."""

    @abstractmethod
    def assert_alive(self) -> None: ...

    @abstractmethod
    def temp_files(self) -> list[str]:
        """Paths of all that lies in the switch's temp dir."""

    @abstractmethod
    def pid(self) -> int:
        """Of the process that the module is in."""

    def descriptors(self) -> int:
        """How many files and sockets that process has open."""
        return len(list(Path(f"/proc/{self.pid()}/fd").iterdir()))

    def mappings(self) -> int:
        """How many memories of streams that process has mapped."""
        maps = Path(f"/proc/{self.pid()}/maps").read_text().splitlines()
        return sum("memfd:openai_audio_stream" in line for line in maps)

    @abstractmethod
    def whole_log(self) -> str:
        """All lines; one about a channel begins with its uuid."""

    @abstractmethod
    def end_calls(self) -> None:
        """Hangs up all calls there are."""

    @abstractmethod
    def collect(self, wait_s: float) -> None:
        """Takes over events, waiting a while for one."""

    def forget(self) -> None:
        """Events so far are of no interest."""
        self.collect(0)
        self._events.clear()

    def take(self, uuid: str, name: str, stream: str | None) -> Event | None:
        self.collect(0)
        for event in self._events:
            if event.uuid == uuid and event.name == name and stream in (None, event.stream):
                self._events.remove(event)
                return event
        return None

    def take_all(self, uuid: str, names: tuple[str, ...]) -> list[Event]:
        self.collect(0)
        found = [event for event in self._events if event.uuid == uuid and event.name in names]
        self._events = [event for event in self._events if event not in found]
        return found
