"""Tests of agents. pytest finds the fixtures by itself, once the package is installed: `desk` and `phone`."""

from typing import TYPE_CHECKING, Any

from .desk import Desk, DeskCall

if TYPE_CHECKING:
    from .caller import Caller, ToolRun
    from .phone import Phone

__all__ = ["Caller", "Desk", "DeskCall", "Phone", "ToolRun"]


def __getattr__(name: str) -> Any:
    """What a phone stands on needs the extra `local`, which a desk does not."""
    if name == "Phone":
        from .phone import Phone

        return Phone
    if name in ("Caller", "ToolRun"):
        from . import caller

        return getattr(caller, name)
    raise AttributeError(name)
