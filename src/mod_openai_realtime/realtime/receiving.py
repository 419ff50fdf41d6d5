"""How audio is taken from where it was received, without a message being made of it."""

from collections.abc import Callable

TakeAudio = Callable[[memoryview], bool]
"""Given the payload of a text message, valid until it returns; True where nothing else is to be done with it."""
