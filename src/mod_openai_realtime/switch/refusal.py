"""A command that was understood and cannot be done."""

from __future__ import annotations


class CommandRefusedError(Exception):
    """`reason` is the contract's text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
