"""`pipecat-ai`: `OpenAIRealtimeLLMService` in a pipeline, between a microphone and a loudspeaker of our own."""

from __future__ import annotations

import asyncio
import time

from loguru import logger
from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner
from telephone import ANSWER_HEARD_MS, PAUSE_S, Microphone, Order, Report, run

RATE = 24000
PARAMS = TransportParams(
    audio_in_enabled=True, audio_out_enabled=True, audio_in_sample_rate=RATE, audio_out_sample_rate=RATE
)


class CallerSide(BaseInputTransport):
    def __init__(self) -> None:
        super().__init__(PARAMS)
        self.microphone = Microphone(self._send)
        self._speaking: asyncio.Task[None] | None = None

    async def _send(self, piece: bytes) -> None:
        await self.push_audio_frame(InputAudioRawFrame(audio=piece, sample_rate=RATE, num_channels=1))

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._speaking = self.create_task(self.microphone.run())

    async def cleanup(self) -> None:
        await super().cleanup()
        if self._speaking:
            await self.cancel_task(self._speaking)
            self._speaking = None


class EarSide(BaseOutputTransport):
    """Takes as long for the audio as it lasts, so that pipecat knows what has been heard."""

    def __init__(self, report: Report) -> None:
        super().__init__(PARAMS)
        self.heard_ms = 0.0
        self._report = report
        self._due = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        # The first words of the caller are an interruption to pipecat as well.
        if isinstance(frame, InterruptionFrame) and direction is FrameDirection.DOWNSTREAM and self._report.caller:
            self._report.interruptions += 1
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        lasts = len(frame.audio) / 2 / RATE
        self._due = max(self._due, time.monotonic()) + lasts
        await asyncio.sleep(max(0.0, self._due - time.monotonic()))
        self.heard_ms += lasts * 1000
        return True


class Service(OpenAIRealtimeLLMService):
    """Notes what it passes on, and has the caller speak when it is time.

    Which item a frame belongs to is known here only: frames don't say so, and those that mark the ends of an answer
    may be left out where it is interrupted just as it ends.
    """

    def attend(self, order: Order, report: Report, caller: CallerSide, ear: EarSide) -> None:
        self._order, self._report, self._caller, self._ear = order, report, caller, ear
        self.finished = asyncio.Event()

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        heard = self._report.heard
        if isinstance(frame, TTSAudioRawFrame) and self._current_audio_response:
            entry = self._report.hears(self._current_audio_response.item_id)
            if len(heard) == 2 and not entry["audio_ms"]:
                self.create_task(self._interrupt())
            entry["audio_ms"] += len(frame.audio) / 48
        elif isinstance(frame, TTSTextFrame) and self._current_assistant_response:
            self._report.hears(self._current_assistant_response.id)["text"] += frame.text
        elif isinstance(frame, TranscriptionFrame):
            self._report.caller.append(frame.text)
        elif isinstance(frame, ErrorFrame):
            self._report.errors.append(frame.error)
        elif isinstance(frame, LLMFullResponseEndFrame):
            if len(heard) == 1 and not self._report.caller:
                self.create_task(self._ask())
            elif len(heard) == 3:
                self.finished.set()
        await super().push_frame(frame, direction)

    async def _ask(self) -> None:
        await self._heard(self._report.heard[0]["audio_ms"] - 50)
        await asyncio.sleep(PAUSE_S)
        self._caller.microphone.say(self._order.question)

    async def _interrupt(self) -> None:
        await self._heard(self._ear.heard_ms + ANSWER_HEARD_MS)
        self._caller.microphone.say(self._order.interruption)

    async def _heard(self, ms: float) -> None:
        while self._ear.heard_ms < ms:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(0.02)


async def converse(order: Order, report: Report) -> None:
    logger.remove()
    logger.add(lambda line: report.log.append(str(line)), level="WARNING")
    caller, ear = CallerSide(), EarSide(report)
    llm = Service(
        api_key=order.key,
        base_url=f"{order.base_url}/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            model=order.model,
            system_instruction=order.instructions,
            session_properties=SessionProperties(
                audio=AudioConfiguration(input=AudioInput(transcription=InputAudioTranscription()))
            ),
        ),
    )
    llm.attend(order, report, caller, ear)

    async def opening_hours(params: FunctionCallParams) -> None:
        report.tools.append({"name": params.function_name, "arguments": dict(params.arguments)})
        await params.result_callback(order.tool_result())

    llm.register_function(order.tool["name"], opening_hours)
    parameters = order.tool["parameters"]
    schema = FunctionSchema(
        name=order.tool["name"],
        description=order.tool["description"],
        properties=parameters["properties"],
        required=parameters["required"],
    )
    aggregators = LLMContextAggregatorPair(LLMContext([], ToolsSchema(standard_tools=[schema])))
    worker = PipelineWorker(
        Pipeline([caller, aggregators.user(), llm, ear, aggregators.assistant()]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
    )

    runner = WorkerRunner(handle_sigint=False)
    await worker.queue_frames([LLMRunFrame()])
    running = asyncio.create_task(_run(runner, worker))
    await llm.finished.wait()
    await worker.stop_when_done()
    await running


async def _run(runner: WorkerRunner, worker: PipelineWorker) -> None:
    await runner.add_workers(worker)
    await runner.run()


run(converse)
