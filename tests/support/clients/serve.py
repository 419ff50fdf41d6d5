"""The local endpoint in a process of its own, which keeps what was said and writes it down at the end.

    python -m clients.serve RECORD SCRIPT SPEED [CERTIFICATE]

prints its URL, serves until its standard input closes, and writes RECORD: a JSON list of connections.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

from clients.conversation import KEY, SCRIPTS, TRANSCRIPTS
from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.recording import ConnectionRecord
from mod_openai_realtime.local.server import LocalEndpoint


def _transcriber() -> Any:
    texts = iter(TRANSCRIPTS)

    async def transcribe(_samples: Any, _rate: int) -> str:
        return next(texts, "")

    return transcribe


def _shown(record: ConnectionRecord) -> dict[str, Any]:
    return {
        "path": record.path,
        "headers": record.headers,
        "sent": record.sent_events(),
        "received": record.received_events(),
        "close_code": record.close_code,
    }


async def main(script: str, speed: float, tls: list[str]) -> list[dict[str, Any]]:
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)
    endpoint = LocalEndpoint(
        ssl=context,
        api_key=KEY,
        agent=SCRIPTS[script],
        transcriber=_transcriber(),
        # So far ahead that a client on a busy machine has always something to play.
        behaviour=Behaviour(pacing=Pacing(speed=speed, ahead_ms=1500)),
    )
    async with endpoint:
        print(endpoint.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    return [_shown(each) for each in endpoint.connections]


Path(sys.argv[1]).write_text(
    json.dumps(asyncio.run(main(sys.argv[2], float(sys.argv[3]), sys.argv[4:]))), encoding="utf-8"
)
