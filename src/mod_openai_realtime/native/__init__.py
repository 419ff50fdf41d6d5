"""Where the compiled parts lie: the FreeSWITCH module and the stand-in switch."""

from __future__ import annotations

import re
from pathlib import Path

MODULE_PATH = Path(__file__).with_name("mod_openai_audio_stream.so")
_VERSION_MARK = re.compile(rb"@\(#\)mod_openai_realtime ([\w.+!-]+)\0")


def module_version(path: Path) -> str | None:
    """The version that a module file says it has, without loading it; None of another module. Raises OSError."""
    found = _VERSION_MARK.search(path.read_bytes())
    return found[1].decode() if found is not None else None
