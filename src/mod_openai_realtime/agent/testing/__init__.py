"""Tests of agents. pytest finds the fixtures by itself, once the package is installed: `desk`."""

from .desk import Desk, DeskCall

__all__ = ["Desk", "DeskCall"]
