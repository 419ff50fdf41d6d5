"""Users of this machine, by name and by number."""

from __future__ import annotations

import pwd

_LARGEST = 2**32 - 2  # the one above means none


def user_name(uid: int) -> str:
    """The number itself where it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def user_id(user: str) -> int:
    """Of a name or a number. Raises ValueError where there is no such user."""
    if user.isascii() and user.isdigit() and int(user) <= _LARGEST:
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ValueError(f"no such user: {user}") from None
