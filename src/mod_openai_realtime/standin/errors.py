"""What can go wrong with the stand-in switch."""


class StandInError(Exception):
    """The stand-in was misused, or can't do what was asked."""


class ModuleLoadError(StandInError):
    """The module could not be loaded or unloaded; the text says why."""


class CallGoneError(StandInError):
    """The call has been hung up."""
