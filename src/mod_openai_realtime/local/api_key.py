"""Keys of the local endpoint, from where other users can't see them: its clients' and its language model's."""

from collections.abc import Mapping
from pathlib import Path

VARIABLE = "OPENAI_REALTIME_LOCAL_API_KEY"
LLM_VARIABLE = "OPENAI_REALTIME_LOCAL_LLM_KEY"
_MOST_BYTES = 4096


class ApiKeyError(ValueError):
    """There is no key where one was named; the text says why, and never shows what is there."""


def given_key(
    option: str | None, file: Path | None, environment: Mapping[str, str], variable: str = VARIABLE
) -> str | None:
    """The option's, the file's, or the environment's; None where there is none. Raises ApiKeyError."""
    if option is not None:
        return option
    if file is not None:
        return _read(file)
    return environment.get(variable) or None


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            text = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ApiKeyError(f"cannot read the key in {file}: {error.strerror}") from None
    key = text.strip().decode("utf-8", "replace")
    if len(text) > _MOST_BYTES or not key.isprintable() or len(key.split()) != 1:
        raise ApiKeyError(f"no key in {file}: it is to hold one line, the key alone")
    return key
