"""A raw-audio backend: greets with a tone, echoes the caller half a second later, beeps when it is told to."""

import argparse
import asyncio
import contextlib
import json
import math
import struct

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

RATE = 16000  # both rates of the `start` command
DELAY_S = 0.5
END = json.dumps({"type": "response.output_audio.done"})  # what was sent is all, for now
SILENCE = json.dumps({"type": "input_audio_buffer.speech_started"})  # drop what has not been heard yet


def tone(hertz: int, seconds: float) -> bytes:
    """pcm16: signed 16-bit little-endian, mono."""
    samples = (int(8000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(int(RATE * seconds)))
    return b"".join(struct.pack("<h", sample) for sample in samples)


async def call(stream: ServerConnection) -> None:
    """One stream, from its connection to its close."""
    print("open", flush=True)
    with contextlib.suppress(ConnectionClosed):  # it may close between a message and the answer to it
        for message in tone(440, 0.2), END:
            await stream.send(message)
        echo = bytes(int(RATE * 2 * DELAY_S))
        async for message in stream:
            if isinstance(message, bytes):  # the caller's audio, 20 ms of it
                echo += message
                await stream.send(echo[: len(message)])
                echo = echo[len(message) :]
            elif json.loads(message).get("type") == "beep":  # from `send_json`
                for answer in SILENCE, tone(880, 0.2), END:
                    await stream.send(answer)
    print(f"closed {stream.close_code}", flush=True)


async def main(port: int) -> None:
    async with serve(call, "127.0.0.1", port) as server:
        print("ready", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9000)
    asyncio.run(main(parser.parse_args().port))
