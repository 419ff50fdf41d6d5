"""A network that fails as a test wants, and what a call notices of it."""

from faulty.proxy import FaultProxy
from faulty.scene import Row, Scene, table

__all__ = ["FaultProxy", "Row", "Scene", "table"]
