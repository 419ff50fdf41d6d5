"""The official Python SDK: `AsyncOpenAI().realtime.connect()`."""

from __future__ import annotations

import asyncio
import base64
import json

from openai import AsyncOpenAI
from telephone import ANSWER_HEARD_MS, Loudspeaker, Microphone, Order, Report, run


async def converse(order: Order, report: Report) -> None:
    client = AsyncOpenAI(api_key=order.key, websocket_base_url=order.base_url)
    async with client, client.realtime.connect(model=order.model) as call, asyncio.TaskGroup() as tasks:

        async def send(piece: bytes) -> None:
            await call.input_audio_buffer.append(audio=base64.b64encode(piece).decode())

        microphone, speaker = Microphone(send, order), Loudspeaker(order.bytes_per_ms)
        playing: str | None = None
        answers = 0

        async def interrupt() -> None:
            await speaker.heard(ANSWER_HEARD_MS)
            microphone.say(order.interruption)

        async def ask() -> None:
            await speaker.silent()
            microphone.say(order.question)

        pcm = {"rate": 24000} if order.format == "audio/pcm" else {}
        await call.session.update(
            session={
                "type": "realtime",
                "instructions": order.instructions,
                "tools": [{"type": "function", **order.tool}],
                "audio": {
                    "input": {
                        "format": {"type": order.format, **pcm},
                        "transcription": {"model": "gpt-4o-transcribe"},
                    },
                    "output": {"format": {"type": order.format, **pcm}},
                },
            }
        )
        await call.response.create()
        listening = tasks.create_task(microphone.run())
        async for event in call:
            if event.type == "response.output_audio.delta":
                if playing != event.item_id:
                    playing, speaker = event.item_id, Loudspeaker(order.bytes_per_ms)
                    answers += 1
                    if answers == 2:
                        tasks.create_task(interrupt())
                audio = base64.b64decode(event.delta)
                speaker.play(len(audio))
                report.hears(event.item_id)["audio_ms"] += len(audio) / order.bytes_per_ms
            elif event.type == "response.output_audio_transcript.delta":
                report.hears(event.item_id)["text"] += event.delta
            elif event.type == "conversation.item.input_audio_transcription.completed":
                report.caller.append(event.transcript)
            elif event.type == "input_audio_buffer.speech_started":
                if playing is not None and speaker.playing:
                    report.interruptions += 1
                    heard_ms, speaker = speaker.heard_ms, Loudspeaker(order.bytes_per_ms)
                    await call.conversation.item.truncate(item_id=playing, content_index=0, audio_end_ms=heard_ms)
            elif event.type == "error":
                report.errors.append(event.error.message)
            elif event.type == "response.done":
                calls = [item for item in event.response.output or [] if item.type == "function_call"]
                for item in calls:
                    report.tools.append({"name": item.name, "arguments": json.loads(item.arguments)})
                    output = json.dumps(order.tool_result())
                    await call.conversation.item.create(
                        item={"type": "function_call_output", "call_id": item.call_id, "output": output}
                    )
                if calls:
                    await call.response.create()
                elif answers == 1:
                    tasks.create_task(ask())
                elif answers == 3:
                    break
        listening.cancel()


run(converse)
