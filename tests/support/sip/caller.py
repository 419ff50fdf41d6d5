"""Calls into FreeSWITCH: sipp signals, a party of one's own talks and listens."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from freeswitch import EventSocket, RealSwitch

from mod_openai_realtime.freeswitch.ports import own_ports
from mod_openai_realtime.sip.media_format import MediaFormat
from mod_openai_realtime.sip.rtp import RtpParty

_SCENARIO = Path(__file__).with_name("call.xml")


class Call:
    """One call. Its Call-ID is the channel's uuid."""

    def __init__(self, caller: Caller, number: int, party: RtpParty) -> None:
        self.uuid = f"{number}-{caller.token}"
        self.party = party
        self._caller = caller

    def wait_media(self, event: str = "CHANNEL_ANSWER", timeout: float = 20) -> Call:
        """Wait until FreeSWITCH has answered (or CHANNEL_PROGRESS_MEDIA, early media); the party then talks to it."""
        events = self._caller.events
        headers = events.wait_for(event, self.uuid, timeout=timeout).headers
        port = headers.get("variable_local_media_port") or events.api(f"uuid_getvar {self.uuid} local_media_port")
        self.party.connect(int(port))
        return self

    def hang_up(self) -> None:
        """The caller hangs up."""
        self._caller.cue("INFO", self)

    def change_format(self, media_format: MediaFormat) -> None:
        """The caller sends a re-INVITE: to the second format that the Caller was made with, or back to the first."""
        self._caller.cue("MESSAGE" if media_format == self._caller.second_format else "OPTIONS", self)
        self.party.change_format(media_format)

    def hold(self, direction: str = "sendonly") -> None:
        """The caller puts the call on hold, by a re-INVITE: `sendonly` or `inactive`. The party's media goes on."""
        self._reinvite("SUBSCRIBE" if direction == "sendonly" else "NOTIFY")

    def unhold(self) -> None:
        """The caller takes it off hold, by another."""
        self._reinvite("OPTIONS")

    def _reinvite(self, cue: str) -> None:
        settled = self.settled
        self._caller.cue(cue, self)
        self.wait_settled(settled + 1)

    @property
    def settled(self) -> int:
        """How many re-INVITEs that can be cued more than once, or FreeSWITCH's own, are through."""
        return self._caller.log().count(f"settled {self.uuid}")

    def wait_settled(self, count: int, timeout: float = 20) -> None:
        """Wait until as many re-INVITEs are through: sipp minds what comes in their midst. Raises AssertionError."""
        deadline = time.monotonic() + timeout
        while self.settled < count:
            assert time.monotonic() < deadline, "the re-INVITE is not through"
            self._caller.pause()

    def wait_end(self, timeout: float = 20) -> None:
        """Wait until the channel is gone from FreeSWITCH."""
        self._caller.events.wait_for("CHANNEL_DESTROY", self.uuid, timeout=timeout)


class Caller:
    """One sipp process that makes a call for each party, all to the same destination.

    ``second_format`` is what a re-INVITE offers, if one is cued; further ones can go back and forth.
    ``headers`` go into the INVITE. ``answer_to_hold`` is what the callers say to a re-INVITE that puts them on hold.
    """

    def __init__(
        self,
        switch: RealSwitch,
        destination: str,
        parties: Sequence[RtpParty],
        directory: Path,
        headers: Mapping[str, str] | None = None,
        calls_per_second: int = 50,
        second_format: MediaFormat | None = None,
        answer_to_hold: str = "recvonly",
    ) -> None:
        self.token = uuid.uuid4().hex
        self.events: EventSocket = switch.events
        self.calls = [Call(self, number, party) for number, party in enumerate(parties, start=1)]
        self._directory = directory / f"sipp-{self.token[:8]}"
        self._directory.mkdir(parents=True)
        self._port = own_ports().free(socket.SOCK_DGRAM)
        first = parties[0].format
        self.second_format = second_format or first
        scenario = self._write_scenario(destination, headers or {}, first, self.second_format, answer_to_hold)
        ports = self._directory / "ports.csv"
        ports.write_text("SEQUENTIAL\n" + "".join(f"{party.port}\n" for party in parties))
        host, sip_port = switch.sip_address
        command = ["sipp", f"{host}:{sip_port}", "-sf", str(scenario), "-inf", str(ports)]
        command += ["-i", "127.0.0.1", "-p", str(self._port), "-cid_str", f"%u-{self.token}"]
        command += ["-m", str(len(parties)), "-l", str(len(parties)), "-r", str(calls_per_second)]
        command += ["-trace_logs", "-log_file", str(self._directory / "log.txt")]
        command += ["-nostdin", "-trace_err", "-error_file", str(self._directory / "errors.txt")]
        self._process = subprocess.Popen(
            command,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_media(self, timeout: float = 20) -> None:
        """Wait until each call is answered."""
        for call in self.calls:
            call.wait_media(timeout=timeout)

    def hang_up(self) -> None:
        """Hang up every call."""
        for call in self.calls:
            call.hang_up()

    def wait_end(self, timeout: float = 30) -> None:
        """Wait until sipp has seen all the calls through. Raises AssertionError if one of them failed."""
        code = self._process.wait(timeout)
        assert code == 0, f"sipp: exit code {code}\n{self._errors()}"

    def close(self) -> None:
        """End sipp, whatever it is doing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cue(self, method: str, call: Call) -> None:
        """Have the scenario of this call go on.

        sipp has no way of being told by another program when a call shall go on, but each call waits for requests that
        bear its Call-ID, from whomever.
        """
        lines = [
            f"{method} sip:caller@127.0.0.1:{self._port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{uuid.uuid4().hex}",
            "From: <sip:cue@127.0.0.1>;tag=cue",
            "To: <sip:caller@127.0.0.1>",
            f"Call-ID: {call.uuid}",
            f"CSeq: 1 {method}",
            "Content-Length: 0",
            "",
            "",
        ]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto("\r\n".join(lines).encode(), ("127.0.0.1", self._port))

    def _write_scenario(
        self,
        destination: str,
        headers: Mapping[str, str],
        first: MediaFormat,
        second: MediaFormat,
        answer_to_hold: str,
    ) -> Path:
        values = {
            "destination": destination,
            "headers": "\n".join(f"{name}: {value}" for name, value in {"X-Caller": "1", **headers}.items()),
            "payload_type": str(first.payload_type),
            "rtpmap": first.rtpmap,
            "ptime": str(first.ptime_ms),
            "second_payload_type": str(second.payload_type),
            "second_rtpmap": second.rtpmap,
            "second_ptime": str(second.ptime_ms),
            "answer_to_hold": answer_to_hold,
        }
        path = self._directory / "call.xml"
        path.write_text(Template(_SCENARIO.read_text()).substitute(values))
        return path

    def log(self) -> str:
        """What the scenario has noted."""
        path = self._directory / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def pause(self) -> None:
        """Between two looks at the log; ends early if sipp does."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.02)

    def _errors(self) -> str:
        path = self._directory / "errors.txt"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""


def can_call() -> bool:
    """Whether sipp is here."""
    return shutil.which("sipp") is not None
