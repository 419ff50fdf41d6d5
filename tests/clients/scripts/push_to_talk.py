"""The official Python SDK without the server's turn detection: the caller holds a button down to talk."""

from __future__ import annotations

import asyncio
import base64
import json

from openai import AsyncOpenAI
from telephone import ANSWER_HEARD_MS, BYTES_PER_MS, Loudspeaker, Order, Report, run

STEP_BYTES = 100 * BYTES_PER_MS


async def converse(order: Order, report: Report) -> None:
    client = AsyncOpenAI(api_key=order.key, websocket_base_url=order.base_url)
    async with client, client.realtime.connect(model=order.model) as call, asyncio.TaskGroup() as tasks:
        speaker = Loudspeaker()
        playing: str | None = None
        active: str | None = None

        async def talk(pcm: bytes) -> None:
            await call.input_audio_buffer.clear()
            for begin in range(0, len(pcm), STEP_BYTES):
                piece = pcm[begin : begin + STEP_BYTES]
                await call.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
            await call.input_audio_buffer.commit()
            await call.response.create()

        async def ask() -> None:
            await speaker.silent()
            await talk(order.question)

        async def interrupt() -> None:
            nonlocal speaker
            await speaker.heard(ANSWER_HEARD_MS)
            report.interruptions += 1
            heard_ms, speaker = speaker.heard_ms, Loudspeaker()
            if active is not None:
                await call.response.cancel(response_id=active)
            assert playing is not None
            await call.conversation.item.truncate(item_id=playing, content_index=0, audio_end_ms=heard_ms)
            await talk(order.interruption)

        await call.session.update(
            session={
                "type": "realtime",
                "instructions": order.instructions,
                "tools": [{"type": "function", **order.tool}],
                "audio": {"input": {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}},
            }
        )
        await call.response.create()
        async for event in call:
            if event.type == "response.created":
                active = event.response.id
            elif event.type == "response.output_audio.delta":
                if playing != event.item_id:
                    playing, speaker = event.item_id, Loudspeaker()
                audio = base64.b64decode(event.delta)
                speaker.play(len(audio))
                entry = report.hears(event.item_id)
                if len(report.heard) == 2 and not entry["audio_ms"]:
                    tasks.create_task(interrupt())
                entry["audio_ms"] += len(audio) / BYTES_PER_MS
            elif event.type == "response.output_audio_transcript.delta":
                report.hears(event.item_id)["text"] += event.delta
            elif event.type == "conversation.item.input_audio_transcription.completed":
                report.caller.append(event.transcript)
            elif event.type == "error":
                report.errors.append(event.error.message)
            elif event.type == "response.done":
                active = None
                calls = [item for item in event.response.output or [] if item.type == "function_call"]
                for item in calls:
                    report.tools.append({"name": item.name, "arguments": json.loads(item.arguments)})
                    output = json.dumps(order.tool_result())
                    await call.conversation.item.create(
                        item={"type": "function_call_output", "call_id": item.call_id, "output": output}
                    )
                if calls:
                    await call.response.create()
                elif len(report.heard) == 1:
                    tasks.create_task(ask())
                elif len(report.heard) == 3:
                    break


run(converse)
