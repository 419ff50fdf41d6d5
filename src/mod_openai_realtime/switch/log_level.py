"""FreeSWITCH's log levels."""

from typing import Final

LOG_ERROR: Final = 3
LOG_WARNING: Final = 4
LOG_INFO: Final = 6
LOG_DEBUG: Final = 7
