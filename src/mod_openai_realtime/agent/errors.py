"""What goes wrong, by whose fault it is."""

from __future__ import annotations


class AgentError(Exception):
    """An agent is not made as it has to be. The text says which class, which method, and why."""


class ToolError(Exception):
    """A tool says why it can't: the text is what the model is told.

    >>> raise ToolError("There is no table left for six on that day.")
    """


class CallError(Exception):
    """Something could not be done to the call; the text is FreeSWITCH's reason. The conversation goes on."""


class Interrupted(CallError):  # noqa: N818 - the word that users read
    """The caller spoke while the agent's last words were waited for, and the action was given up
    (`unless_interrupted=True`)."""
