"""A real FreeSWITCH under test: its configuration, its process and its Event Socket."""

from freeswitch.event_socket import Event, EventSocket
from freeswitch.switch import RealSwitch, SwitchDied, find_freeswitch

__all__ = ["Event", "EventSocket", "RealSwitch", "SwitchDied", "find_freeswitch"]
