"""A real FreeSWITCH behind the suite's face: callers over SIP and RTP, commands and events over the Event Socket."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from audio.g711 import Pcm16
from freeswitch import EventSocket, RealSwitch, find_freeswitch
from sip import L16_8K, L16_16K, Call, Caller, MediaFormat, MediaRoom
from sip.caller import can_call

from contract.switch import ADDED, API, SUBCLASSES, Event, Leg, Switch
from mod_openai_realtime.native import MODULE_PATH

# Uncompressed codecs, so that audio can be found again bit for bit.
_FORMATS = {8000: L16_8K, 16000: L16_16K}
_UP_WITH = {"answered": "CHANNEL_ANSWER", "early": "CHANNEL_PROGRESS_MEDIA", "ringing": "CHANNEL_PROGRESS"}
_LOG_LINE = re.compile(r"^(\S{30,}) .*\[(\w+)\] \S+:\d+ (.*)$", re.MULTILINE)
_OFFERED = re.compile(r"\[\s*([^\]\s]+)\s*\]")


def missing() -> str:
    """Why there is no FreeSWITCH to run against; empty if there is one."""
    if find_freeswitch() is None:
        return "no FreeSWITCH: set FREESWITCH_PREFIX, or have freeswitch on the PATH"
    return "" if can_call() else "no sipp to call FreeSWITCH with"


class RealLeg(Leg):
    _switch: RealContractSwitch

    def __init__(self, switch: RealContractSwitch, caller: Caller, call: Call, rate: int) -> None:
        super().__init__(switch)
        self._caller = caller
        self._call = call
        self.uuid = call.uuid
        self.rate = rate
        self._held = ""

    def say(self, samples: Pcm16) -> None:
        self._call.party.say(samples)

    def _pass_until_said(self) -> None:
        self._call.party.wait_said()
        self.run(100)

    def _settle(self) -> None:
        # Of a new media bug's first frames FreeSWITCH makes comfort noise, whatever the caller says.
        self._call.party.wait_packets(4)

    def run(self, ms: int) -> None:
        packets = -(-ms // 20)
        if self._held:
            self._call.party.wait_sent(packets)
        else:
            self._call.party.wait_packets(packets)

    def heard(self, since: int = 0) -> Pcm16:
        return self._call.party.audio()[since:]

    def hangup(self) -> None:
        self._call.hang_up()
        self._call.wait_end()

    def set_variable(self, name: str, value: str) -> None:
        reply = self._switch.command(f"uuid_setvar {self.uuid} {name} {value}")
        assert reply == "+OK", reply

    def change_rate(self, rate: int) -> None:
        self._call.change_format(_FORMATS[rate])
        self.rate = rate

    def hold(self, how: str = "sendonly") -> None:
        self._held = how
        if how == "uuid_hold":
            self._reinvited(f"uuid_hold {self.uuid}")
        else:
            self._call.hold(how)
        self._switch.real.events.wait_for("CHANNEL_HOLD", self.uuid)

    def unhold(self) -> None:
        if self._held == "uuid_hold":
            self._reinvited(f"uuid_hold off {self.uuid}")
        else:
            self._call.unhold()
        self._held = ""
        self._switch.real.events.wait_for("CHANNEL_UNHOLD", self.uuid)

    def _reinvited(self, command: str) -> None:
        settled = self._call.settled
        self._switch.command(command)
        self._call.wait_settled(settled + 1)

    def key(self, digits: str) -> None:
        reply = self._switch.command(f"uuid_recv_dtmf {self.uuid} ~{digits}")
        assert reply.startswith("+OK"), reply

    def bugs(self) -> int:
        return self._switch.command(f"uuid_buglist {self.uuid}").count("<media-bug>")

    def log(self) -> list[str]:
        return [f"{level} {text}" for uuid, level, text in self._switch.log_lines() if uuid == self.uuid]

    def _pass_some_time(self) -> None:
        with contextlib.suppress(TimeoutError):
            self._call.party.wait_packets(1, timeout=0.1)

    def end(self) -> None:
        """Whatever state the call is in."""
        if self._switch.command(f"uuid_exists {self.uuid}") == "true":
            self._switch.command(f"uuid_kill {self.uuid}")
            self._call.wait_end()
        self._caller.close()
        self._switch.room.dismiss(self._call.party)


class RealContractSwitch(Switch):
    name = "FreeSWITCH"
    stepped = False

    def __init__(self, engine_socket: Path, directory: Path) -> None:
        super().__init__()
        prefix = find_freeswitch()
        assert prefix is not None
        self._directory = directory
        self.real = RealSwitch(prefix, MODULE_PATH, engine_socket, directory)
        self.room = MediaRoom()
        self._legs: list[RealLeg] = []
        self._of_thread = threading.local()
        self._sockets: list[EventSocket] = []

    def __enter__(self) -> RealContractSwitch:
        try:
            self.real.start()
            self.load()
        except BaseException:
            self._close()
            self.real.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self.real.stop()

    def _close(self) -> None:
        self.room.close()
        for socket in self._sockets:
            socket.close()

    def call(
        self,
        rate: int = 8000,
        *,
        variables: Mapping[str, str] | None = None,
        state: str = "answered",
        channel_tone: int = 0,
        changes_to: int = 0,
    ) -> RealLeg:
        destination = f"tone-{channel_tone}" if channel_tone else "park" if state == "answered" else state
        party = self.room.party(_FORMATS[rate])
        second: MediaFormat | None = _FORMATS.get(changes_to)
        caller = Caller(self.real, destination, [party], self._directory, second_format=second)
        call = caller.calls[0]
        leg = RealLeg(self, caller, call, rate)
        self._legs.append(leg)
        if state == "ringing":
            self.real.events.wait_for(_UP_WITH[state], call.uuid)
        else:
            call.wait_media(_UP_WITH[state])
            party.wait_packets(5)
        for name, value in (variables or {}).items():
            leg.set_variable(name, value)
        return leg

    def api(self, name: str, arguments: str = "") -> str:
        return self.command(f"{name} {arguments}".rstrip())

    def command(self, line: str) -> str:
        return self._socket().api(line)

    def _socket(self) -> EventSocket:
        """A connection carries one command at a time: a thread has one of its own."""
        if threading.current_thread() is threading.main_thread():
            return self.real.events
        if not hasattr(self._of_thread, "socket"):
            self._of_thread.socket = self.real.connect()
            self._sockets.append(self._of_thread.socket)
        socket: EventSocket = self._of_thread.socket
        return socket

    def load(self) -> None:
        reply = self.real.load_module()
        assert reply.startswith("+OK"), reply

    def unload(self) -> None:
        reply = self.real.unload_module()
        assert reply.startswith("+OK"), reply

    def completions(self, line: str) -> list[str]:
        return sorted(_OFFERED.findall(self.real.api(f"console_complete c={len(line)};{line}")))

    def assert_alive(self) -> None:
        self.real.assert_alive()
        assert self.api(API).startswith("USAGE")

    def temp_files(self) -> list[str]:
        return sorted(str(path) for path in self.real.temp_dir.iterdir())

    def pid(self) -> int:
        return self.real.pid

    def end_calls(self) -> None:
        for leg in self._legs:
            leg.end()
        self._legs.clear()

    def collect(self, wait_s: float) -> None:
        taken = [event for name in (*SUBCLASSES, *ADDED) for event in self.real.events.taken(name)]
        if not taken and wait_s:
            threading.Event().wait(min(wait_s, 0.02))
        taken.sort(key=lambda event: int(event.headers["Event-Sequence"]))
        for event in taken:
            name = event.subclass.partition("::")[2]
            self._events.append(Event(name, event.headers, event.body))

    def whole_log(self) -> str:
        return self.real.log_text()

    def log_lines(self) -> list[tuple[str, str, str]]:
        return _LOG_LINE.findall(self.real.log_text())
