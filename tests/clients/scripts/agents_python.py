"""`openai-agents` for Python: `RealtimeRunner` with an agent and a function tool."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeModelSendRawMessage, RealtimeRunner
from telephone import ANSWER_HEARD_MS, Loudspeaker, Microphone, Order, Report, run


async def converse(order: Order, report: Report) -> None:
    @function_tool(name_override=order.tool["name"], description_override=order.tool["description"])
    async def opening_hours(day: str) -> str:
        report.tools.append({"name": order.tool["name"], "arguments": {"day": day}})
        return json.dumps(order.tool_result())

    agent = RealtimeAgent(name="bakery", instructions=order.instructions, tools=[opening_hours])
    named = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}[order.format]
    settings = {"model_name": order.model, "input_audio_format": named, "output_audio_format": named}
    session = await RealtimeRunner(agent).run(
        model_config={"api_key": order.key, "url": order.url, "initial_model_settings": settings}
    )
    async with session, asyncio.TaskGroup() as tasks:
        microphone, speaker = Microphone(session.send_audio, order), Loudspeaker(order.bytes_per_ms)
        playing: str | None = None
        answers = 0

        async def interrupt() -> None:
            await speaker.heard(ANSWER_HEARD_MS)
            microphone.say(order.interruption)

        async def ask() -> None:
            await speaker.silent()
            microphone.say(order.question)

        await session.model.send_event(RealtimeModelSendRawMessage(message={"type": "response.create"}))
        listening = tasks.create_task(microphone.run())
        async for event in session:
            if event.type == "audio":
                if playing != event.item_id:
                    playing, speaker = event.item_id, Loudspeaker(order.bytes_per_ms)
                    answers += 1
                    if answers == 2:
                        tasks.create_task(interrupt())
                speaker.play(len(event.audio.data))
                report.hears(event.item_id)["audio_ms"] += len(event.audio.data) / order.bytes_per_ms
            elif event.type == "audio_interrupted":
                if event.item_id == playing and speaker.playing:
                    report.interruptions += 1
                    speaker = Loudspeaker(order.bytes_per_ms)
            elif event.type == "error":
                report.errors.append(str(event.error))
            elif event.type == "raw_model_event":
                data = event.data
                if data.type == "transcript_delta":
                    report.hears(data.item_id)["text"] += data.delta
                elif data.type == "input_audio_transcription_completed":
                    report.caller.append(data.transcript)
                elif data.type == "error":
                    report.errors.append(str(data.error))
                elif data.type == "turn_ended":
                    if answers == 1 and not report.caller and not report.tools:
                        tasks.create_task(ask())
                    elif answers == 3:
                        break
            elif event.type == "history_updated":
                report.history = [_shown(item.model_dump()) for item in event.history]
        listening.cancel()


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    texts = [part.get("transcript") or part.get("text") or "" for part in item.get("content", [])]
    return {"role": item.get("role"), "text": " ".join(texts), "status": item.get("status")}


run(converse)
