"""The stand-in switch: what loads the compiled module where there is no FreeSWITCH.

Tests, demo and benchmark use it. It is no switch: no SIP, no dialplan; it runs the module's commands, hands its media
bugs frames in FreeSWITCH's order and under FreeSWITCH's locks, and collects its events and log.
"""

from .agent_call import AgentCall
from .call import SILENCE, Call, ChannelState, Codec, DigitSource, FrameBytes, Hold
from .errors import CallGoneError, ModuleLoadError, StandInError
from .events import Event, LogLevel, LogLine
from .histogram import CallbackTimes, Histogram
from .library import LIBRARY_VARIABLE, find_library
from .switch import StandIn

__all__ = [
    "LIBRARY_VARIABLE",
    "SILENCE",
    "AgentCall",
    "Call",
    "CallGoneError",
    "CallbackTimes",
    "ChannelState",
    "Codec",
    "DigitSource",
    "Event",
    "FrameBytes",
    "Histogram",
    "Hold",
    "LogLevel",
    "LogLine",
    "ModuleLoadError",
    "StandIn",
    "StandInError",
    "find_library",
]
