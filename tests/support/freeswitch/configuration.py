"""The configuration of the FreeSWITCH under test, rendered into one file."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from xml.sax.saxutils import escape

from ports import own_ports

_TEMPLATE = Path(__file__).with_name("freeswitch.xml")


@dataclass(frozen=True)
class SwitchConfiguration:
    """What differs between one instance and the next. All paths lie below ``directory``."""

    directory: Path
    engine_socket: Path
    codecs: str = "PCMU,PCMA,L16@8000h@20i,L16@16000h@20i,L16@48000h@20i"
    log_level: str = "debug"
    conference_rate: int = 8000
    event_port: int = field(default_factory=lambda: own_ports().free())
    event_password: str = field(default_factory=lambda: secrets.token_hex(16))
    sip_port: int = field(default_factory=lambda: own_ports().free(socket.SOCK_DGRAM))

    def folder(self, name: str) -> Path:
        """The folder of that name below ``directory``, made if need be."""
        path = self.directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def log_file(self) -> Path:
        return self.directory / "log" / "freeswitch.log"

    def write(self) -> Path:
        """Write ``conf/freeswitch.xml``; returns its folder."""
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
            "sip_port": str(self.sip_port),
            "first_rtp_port": str(own_ports().rtp.start),
            "last_rtp_port": str(own_ports().rtp.stop - 1),
        }
        text = Template(_TEMPLATE.read_text()).substitute({name: escape(value) for name, value in values.items()})
        (conf / "freeswitch.xml").write_text(text)
        return conf
