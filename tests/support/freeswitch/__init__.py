"""A real FreeSWITCH under test: its configuration, its process and its Event Socket."""

from freeswitch.event_socket import Event, EventSocket, EventSocketError
from freeswitch.streams import StreamCommands
from freeswitch.switch import RealSwitch, SwitchDiedError, find_freeswitch

__all__ = [
    "Event",
    "EventSocket",
    "EventSocketError",
    "RealSwitch",
    "StreamCommands",
    "SwitchDiedError",
    "find_freeswitch",
]
