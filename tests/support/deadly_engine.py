"""`openai-realtime`, with two faults: a text of a server in which one of these words stands ends a worker at once, or
keeps it for ever. With IMPATIENT in the environment a worker may stand still for a tenth of the usual time."""

from __future__ import annotations

import os

from mod_openai_realtime.cli import main
from mod_openai_realtime.engine import standstill, supervisor, worker
from mod_openai_realtime.realtime import websocket
from mod_openai_realtime.realtime.utf_8 import is_utf_8

DEADLY, ENDLESS = b"deadly", b"endless"
IMPATIENT = "DEADLY_ENGINE_IMPATIENT"


def harms(payload: bytes) -> bool:
    if DEADLY in payload:
        os.abort()
    while ENDLESS in payload:
        pass
    return is_utf_8(payload)


if __name__ == "__main__":
    websocket.is_utf_8 = harms
    if IMPATIENT in os.environ:
        standstill.LOOK_S = supervisor.LONGEST_LOOK_S = worker.PUBLISH_S = 0.1
    main()
