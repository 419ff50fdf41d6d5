"""Names for events, items, responses and calls."""

from secrets import token_hex


def new_id(prefix: str) -> str:
    return f"{prefix}_{token_hex(10)}"
