"""The sample configuration that comes with FreeSWITCH, as a new user has it: copied, and moved to ports of its own."""

from __future__ import annotations

import re
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from freeswitch.configuration import SwitchConfiguration
from mod_openai_realtime.freeswitch.ports import own_ports

# They would listen on fixed ports.
_LISTENERS = ("mod_verto", "mod_signalwire", "mod_rtc", "mod_skinny", "mod_xml_rpc", "mod_rtmp", "mod_h323", "mod_opal")


def vanilla_folder(prefix: Path) -> Path | None:
    """The sample configuration of the FreeSWITCH at ``prefix``, None where it is not installed."""
    for name in ("etc/freeswitch", "conf"):
        if (prefix / name / "autoload_configs").is_dir() and (prefix / name / "vars.xml").is_file():
            return prefix / name
    return None


@dataclass(frozen=True)
class VanillaConfiguration(SwitchConfiguration):
    """A copy of ``source``; the installed one is only read. Calls need no password, and come into ``default``.

    The copy is made once: what a test changes in it stays over a restart.
    """

    source: Path = Path()

    @property
    def conf(self) -> Path:
        return self.directory / "conf"

    def write(self) -> Path:
        if not self.conf.exists():
            shutil.copytree(self.source, self.conf)
            self._move()
        return self.conf

    def edit(self, name: str, pattern: str, replacement: str) -> None:
        """Replace a pattern, which has to be there, in one file of the copy."""
        file = self.conf / name
        text, count = re.subn(pattern, lambda _: replacement, file.read_text())
        assert count, f"{name} has no {pattern}"
        file.write_text(text)

    def set_variable(self, name: str, value: str) -> None:
        """A global variable, as a user sets one in vars.xml."""
        line = f'<X-PRE-PROCESS cmd="set" data="{name}={value}"/>'
        self.edit("vars.xml", r"</include>\s*$", f"  {line}\n</include>\n")

    def _move(self) -> None:
        set_line = '<X-PRE-PROCESS cmd="set" data="{}"/>'
        self.edit("vars.xml", r"default_password=1234", "default_password=not-the-default")
        for name in ("external_rtp_ip", "external_sip_ip"):
            self.edit(
                "vars.xml",
                rf'<X-PRE-PROCESS cmd="stun-set" data="{name}=[^"]*"/>',
                set_line.format(f"{name}=127.0.0.1"),
            )
        self.edit("vars.xml", r"domain=\$\$\{local_ip_v4\}", "domain=127.0.0.1")
        self.edit("vars.xml", r"internal_sip_port=\d+", f"internal_sip_port={self.sip_port}")
        self.edit("vars.xml", r"external_sip_port=\d+", f"external_sip_port={own_ports().free(socket.SOCK_DGRAM)}")
        self.edit("vars.xml", r"internal_auth_calls=true", "internal_auth_calls=false")
        for profile in ("internal", "external"):
            (self.conf / "sip_profiles" / f"{profile}-ipv6.xml").unlink()
            for address in ("rtp-ip", "sip-ip"):
                self.edit(
                    f"sip_profiles/{profile}.xml",
                    rf'name="{address}" value="[^"]*"',
                    f'name="{address}" value="127.0.0.1"',
                )
        internal = "sip_profiles/internal.xml"
        self.edit(internal, r'<param name="(wss?-binding|apply-inbound-acl)"[^>]*/>', "")
        self.edit(
            internal,
            r'<param name="context" value="public"/>',
            '<param name="context" value="default"/><param name="inbound-use-callid-as-uuid" value="true"/>',
        )
        for bound, port in ("start", own_ports().rtp.start), ("end", own_ports().rtp.stop - 1):
            named = f'name="rtp-{bound}-port" value="'
            self.edit(
                "autoload_configs/switch.conf.xml",
                rf'<!-- <param {named}\d+"/> -->',
                f'<param {named}{port}"/>',
            )
        events = "autoload_configs/event_socket.conf.xml"
        self.edit(events, r'name="listen-ip" value="[^"]*"', 'name="listen-ip" value="127.0.0.1"')
        self.edit(events, r'name="listen-port" value="[^"]*"', f'name="listen-port" value="{self.event_port}"')
        self.edit(events, r'name="password" value="[^"]*"', f'name="password" value="{self.event_password}"')
        listeners = "|".join(_LISTENERS)
        self.edit("autoload_configs/modules.conf.xml", rf'<load module="({listeners})"/>', "")
