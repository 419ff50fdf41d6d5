"""What the local endpoint needs beyond the product's own dependencies, and what to install where it is missing."""

from importlib.util import find_spec

EXTRA = "pip install 'mod-openai-realtime[local]'"
VOICE_ACTIVITY = "pip install --no-deps silero-vad"


class MissingPartsError(ImportError):
    """A package that only the local endpoint needs is not installed; the text says which, and how to install it."""


def require(module: str, purpose: str, command: str = EXTRA) -> None:
    """Raises MissingPartsError, naming the command that mends it, unless `module` is installed. Does not import it."""
    if find_spec(module) is None:
        raise MissingPartsError(
            f"The local endpoint needs {module} for {purpose}. Install it with: {command}", name=module
        )
