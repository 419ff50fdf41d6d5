"""What the contract suite runs against: switches behind one face, the engine as a process, the far end of a stream."""

from contract.far_end import FarEnd
from contract.switch import Event, Leg, Switch

__all__ = ["Event", "FarEnd", "Leg", "Switch"]
