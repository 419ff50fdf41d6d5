"""`openai-agents` for Python, what else it does: messages, a handoff, a picture, an interruption by the application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from agents.realtime import (
    RealtimeAgent,
    RealtimeModelSendInterrupt,
    RealtimeRunner,
    RealtimeSession,
    RealtimeSessionEvent,
)
from telephone import Order, Report, run

PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAf"
    "FcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Watched:
    """The session's events, noted in the report as they pass."""

    def __init__(self, session: RealtimeSession, report: Report) -> None:
        self._events: AsyncIterator[RealtimeSessionEvent] = aiter(session)
        self._report = report

    async def until(self, kind: str, times: int = 1) -> None:
        """`kind`: of an event of the session, or of what it had from the model."""
        while times:
            event = await anext(self._events)
            name = event.data.type if event.type == "raw_model_event" else event.type
            if name == "transcript_delta":
                self._report.hears(event.data.item_id)["text"] += event.data.delta
            elif name == "handoff":
                both = [event.from_agent.name, event.to_agent.name]
                self._report.tools.append({"name": "handoff", "arguments": both})
            elif name == "audio_interrupted":
                self._report.interruptions += 1
            elif name == "error":
                self._report.errors.append(str(event))
            times -= name == kind


async def converse(order: Order, report: Report) -> None:
    expert = RealtimeAgent(name="expert", instructions="You know all.")
    desk = RealtimeAgent(name="desk", instructions="You put people through.", handoffs=[expert])
    session = await RealtimeRunner(desk).run(
        model_config={"api_key": order.key, "url": order.url, "initial_model_settings": {"model_name": order.model}}
    )
    async with session:
        watched = Watched(session, report)
        await session.send_message("Hello")
        await watched.until("turn_ended", 2)
        picture = {"type": "input_image", "image_url": PICTURE, "detail": "low"}
        await session.send_message({"type": "message", "role": "user", "content": [picture]})
        await watched.until("turn_ended")
        await session.send_message("Tell me when you are open.")
        await watched.until("audio")
        await asyncio.sleep(0.5)
        await session.model.send_event(RealtimeModelSendInterrupt(force_response_cancel=True))
        await watched.until("turn_ended")
        await session.send_message("Goodbye")
        await watched.until("turn_ended")


run(converse)
