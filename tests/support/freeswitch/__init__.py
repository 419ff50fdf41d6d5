"""A real FreeSWITCH under test."""

from freeswitch.streams import StreamCommands
from freeswitch.switch import RealSwitch, find_freeswitch
from mod_openai_realtime.freeswitch import Event, EventSocket, EventSocketError, SwitchDiedError

__all__ = [
    "Event",
    "EventSocket",
    "EventSocketError",
    "RealSwitch",
    "StreamCommands",
    "SwitchDiedError",
    "find_freeswitch",
]
