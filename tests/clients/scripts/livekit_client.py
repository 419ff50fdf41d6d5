"""`livekit-plugins-openai`: its realtime model in an `AgentSession`, with ears and mouth of our own and no room."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Coroutine
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool, io
from livekit.plugins import openai
from openai.types.realtime import AudioTranscription
from telephone import ANSWER_HEARD_MS, PAUSE_S, Microphone, Order, Report, run

RATE = 24000


class CallerSide(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="caller")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()
        self.microphone = Microphone(self._send)

    async def _send(self, piece: bytes) -> None:
        self._frames.put_nowait(rtc.AudioFrame(piece, RATE, 1, len(piece) // 2))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class EarSide(io.AudioOutput):
    """Takes all at once, and knows by the clock how much of it has been heard."""

    def __init__(self, report: Report) -> None:
        super().__init__(label="ear", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE)
        self._report = report
        self._begun: float | None = None
        self._captured_s = 0.0
        self._end: asyncio.TimerHandle | None = None
        self.heard_s = 0.0
        """Of all segments that have ended."""

    @property
    def position_s(self) -> float:
        return 0.0 if self._begun is None else min(self._captured_s, time.monotonic() - self._begun)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._begun is None:
            self._begun = time.monotonic()
            self._report.heard.append({"key": "", "text": "", "audio_ms": 0.0})
            self.on_playback_started(created_at=time.time())
        self._captured_s += frame.duration
        self._report.heard[-1]["audio_ms"] += frame.duration * 1000

    def flush(self) -> None:
        super().flush()
        if self._begun is not None and self._end is None:
            left = self._begun + self._captured_s - time.monotonic()
            self._end = asyncio.get_running_loop().call_later(max(0.0, left), self._finish, False)

    def clear_buffer(self) -> None:
        if self._begun is None:
            return
        if self._end is not None:
            self._end.cancel()
        self._report.interruptions += 1
        self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        position_s = self.position_s
        self.heard_s += position_s
        self._begun, self._end, self._captured_s = None, None, 0.0
        self.on_playback_finished(playback_position=position_s, interrupted=interrupted)


async def converse(order: Order, report: Report) -> None:
    logging.getLogger("livekit.agents").setLevel(logging.INFO)

    @function_tool(name=order.tool["name"], description=order.tool["description"])
    async def opening_hours(day: str) -> str:
        report.tools.append({"name": order.tool["name"], "arguments": {"day": day}})
        return json.dumps(order.tool_result())

    model = openai.realtime.RealtimeModel(
        model=order.model,
        api_key=order.key,
        base_url=order.base_url,
        input_audio_transcription=AudioTranscription(model="gpt-4o-transcribe"),
    )
    session: AgentSession[None] = AgentSession(
        llm=model,
        vad=None,
        # the server finds the turns, and our output can't pause
        turn_handling={"turn_detection": "realtime_llm", "interruption": {"resume_false_interruption": False}},
    )
    caller, ear = CallerSide(), EarSide(report)
    session.input.audio, session.output.audio = caller, ear
    finished = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    def later(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def ask() -> None:
        await asyncio.sleep(PAUSE_S)
        caller.microphone.say(order.question)

    async def interrupt() -> None:
        while ear.position_s * 1000 < ANSWER_HEARD_MS:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(0.02)
        caller.microphone.say(order.interruption)

    def on_playback_finished(_event: object) -> None:
        if len(report.heard) == 1:
            later(ask())
        elif len(report.heard) == 3:
            finished.set()

    def on_playback_started(_event: object) -> None:
        if len(report.heard) == 2:
            later(interrupt())

    def on_item(event: Any) -> None:
        item = event.item
        if item.type == "message":
            report.history.append({"role": item.role, "text": item.text_content, "interrupted": item.interrupted})

    def on_transcript(event: Any) -> None:
        if event.is_final:
            report.caller.append(event.transcript)

    ear.on("playback_started", on_playback_started)
    ear.on("playback_finished", on_playback_finished)
    session.on("conversation_item_added", on_item)
    session.on("user_input_transcribed", on_transcript)
    session.on("error", lambda event: report.errors.append(str(event.error)))
    await session.start(Agent(instructions=order.instructions, tools=[opening_hours]), record=False)
    listening = asyncio.create_task(caller.microphone.run())
    await session.generate_reply()
    await finished.wait()
    await asyncio.sleep(0.2)
    listening.cancel()
    await session.aclose()
    said = [entry["text"] for entry in report.history if entry["role"] == "assistant"]
    for heard, text in zip(report.heard, said, strict=True):
        heard["text"] = text


if __name__ == "__main__":
    run(converse)
