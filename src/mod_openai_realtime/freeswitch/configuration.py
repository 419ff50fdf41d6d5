"""The configuration of a FreeSWITCH that is only a test's: one file, and nothing but 127.0.0.1."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import ClassVar
from xml.sax.saxutils import escape

from .ports import own_ports

_TEMPLATE = Path(__file__).with_name("freeswitch.xml")
MODULES = (
    *("mod_logfile", "mod_event_socket", "mod_commands", "mod_dptools", "mod_dialplan_xml", "mod_loopback"),
    *("mod_sndfile", "mod_native_file", "mod_tone_stream", "mod_conference", "mod_sofia"),
)
"""What is loaded, in this order."""


@dataclass(frozen=True)
class Configuration:
    """What differs between one instance and the next. All paths lie below `directory`.

    Calls come into the context `arriving`, by SIP, without a password; their Call-ID is the channel's uuid.
    """

    directory: Path
    engine_socket: Path
    codecs: str = "PCMU,PCMA,L16@8000h@20i,L16@16000h@20i,L16@48000h@20i"
    log_level: str = "debug"
    conference_rate: int = 8000
    context: str = "default"
    """Of the dialplan, for calls that come in."""
    event_port: int = field(default_factory=lambda: own_ports().free())
    event_password: str = field(default_factory=lambda: secrets.token_hex(16))
    sip_port: int = field(default_factory=lambda: own_ports().free(socket.SOCK_DGRAM))

    sections: ClassVar[str] = ""
    """XML: the dialplan, and what else there is beside the configuration."""

    def folder(self, name: str) -> Path:
        """The folder of that name below `directory`, made if need be."""
        path = self.directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def log_file(self) -> Path:
        return self.directory / "log" / "freeswitch.log"

    def write(self) -> Path:
        """Writes `conf/freeswitch.xml`; returns its folder."""
        conf = self.folder("conf")
        values = {
            "log_level": self.log_level,
            "log_dir": str(self.folder("log")),
            "db_dir": str(self.folder("db")),
            "event_port": str(self.event_port),
            "event_password": self.event_password,
            "engine_socket": str(self.engine_socket),
            "conference_rate": str(self.conference_rate),
            "codecs": self.codecs,
            "context": self.context,
            "sip_port": str(self.sip_port),
            "first_rtp_port": str(own_ports().rtp.start),
            "last_rtp_port": str(own_ports().rtp.stop - 1),
        }
        escaped = {name: escape(value) for name, value in values.items()}
        modules = "\n".join(f'        <load module="{name}"/>' for name in MODULES)
        text = Template(_TEMPLATE.read_text()).substitute(escaped, modules=modules, sections=self.sections)
        file = conf / "freeswitch.xml"
        file.touch(mode=0o600)  # it has the Event Socket's password
        file.write_text(text)
        return conf
