"""`openai-realtime`, with a fault that ends a worker at once: a text of a server in which this word stands."""

from __future__ import annotations

import os

from mod_openai_realtime.cli import main
from mod_openai_realtime.realtime import websocket
from mod_openai_realtime.realtime.utf_8 import is_utf_8

DEADLY = b"deadly"


def dies_of(payload: bytes) -> bool:
    if DEADLY in payload:
        os.abort()
    return is_utf_8(payload)


if __name__ == "__main__":
    websocket.is_utf_8 = dies_of
    main()
