"""What the module offers in FreeSWITCH, in one table: it names none of it, and is told when it has said HELLO.

So a new verb or event needs no new module. What it was told it keeps for the time when no engine runs, and what it then
has to say in the engine's place is part of it.
"""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from . import module_reasons
from .events import EVENTS
from .verbs import APIS

# A payload may have 12 MiB; any other command has 16 KiB at most.
PAYLOAD_VERBS: Final = ("stop", "send_json")
# These are given the key of the module's configuration.
KEY_VERBS: Final = ("start",)

# How soon the module tries to reach an engine again.
_NEXT_TRY_MS = 250
# What it fires for a stream whose engine has died: in the midst of an answer; and then connected, or not.
LOST_SPEAKING: Final = ("openai_speech_stop", {"status": "stopped"})
LOST_CONNECTED: Final = (
    "disconnect",
    {"status": "disconnected", "message": {"code": 1006, "reason": module_reasons.ENGINE_NOT_RUNNING}},
)
LOST_UNCONNECTED: Final = (
    "error",
    {
        "status": "error",
        "message": {
            "retries": 0,
            "error": module_reasons.ENGINE_NOT_RUNNING,
            "wait_time": _NEXT_TRY_MS,
            "http_status": 0,
        },
    },
)


def _event(event: tuple[str, object]) -> str:
    subclass, body = event
    return f"{subclass} {orjson.dumps(body).decode()}"


def _fields() -> dict[str, str]:
    fields = {f"verbs_{api.word}": " ".join(api.verbs) for api in APIS}
    fields |= {f"usage_{api.word}": api.usage for api in APIS}
    fields |= {
        "payload_verbs": " ".join(PAYLOAD_VERBS),
        "key_verbs": " ".join(KEY_VERBS),
        "events": " ".join(EVENTS),
        "lost_speaking": _event(LOST_SPEAKING),
        "lost_connected": _event(LOST_CONNECTED),
        "lost_unconnected": _event(LOST_UNCONNECTED),
    }
    digest = hashlib.sha256(orjson.dumps(fields)).hexdigest()[:16]
    return {"interface": digest} | fields


FIELDS: Final = _fields()
"""Of the INTERFACE message. `interface` names this very table: a module that has it says so in its HELLO."""
