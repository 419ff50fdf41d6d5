"""A real FreeSWITCH under test: its configuration, its process and its Event Socket."""

from freeswitch.engine import EngineProcess
from freeswitch.event_socket import Event, EventSocket, EventSocketError
from freeswitch.switch import RealSwitch, SwitchDiedError, find_freeswitch

__all__ = [
    "EngineProcess",
    "Event",
    "EventSocket",
    "EventSocketError",
    "RealSwitch",
    "SwitchDiedError",
    "find_freeswitch",
]
