"""A FreeSWITCH of one's own, for tests: its configuration, its process, and its Event Socket."""

from .event_socket import Event, EventSocket, EventSocketError
from .process import SwitchDiedError, SwitchProcess

__all__ = ["Event", "EventSocket", "EventSocketError", "SwitchDiedError", "SwitchProcess"]
