"""Base64 as a client's event carries it."""

import pybase64

from .errors import RequestError


def decoded(text: str, path: str) -> bytes:
    """Raises RequestError where it is no base64."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        raise RequestError(
            "invalid_value", f"Invalid '{path}'. Expected base64-encoded audio bytes, but found something else.", path
        ) from None
