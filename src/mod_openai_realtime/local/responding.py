"""The model's side of a session: responses, one at a time in the conversation and any number outside of it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .behaviour import Behaviour
from .choosing import Chooser
from .clock import Clock
from .errors import RequestError
from .g711 import Samples
from .ids import new_id
from .items import Conversation
from .mcp import McpCalls
from .outlet import Outlet
from .prompt import Prompt
from .response import Answering, Response, ResponseSettings
from .settings import SessionSettings
from .transcribing import Transcribing
from .turns import Context, Model, ModelError, Turn
from .usage import InputCache
from .voice import Voice

log = logging.getLogger(__name__)
_TOKENS_A_MINUTE = 1_000_000
_REQUESTS_A_MINUTE = 10_000
# What a response may come to, until it is known what it did.
_RESERVED_TOKENS = 4096


@dataclass
class Caller:
    """What the caller has done so far."""

    turns: int = 0
    unanswered: bool = False
    heard: tuple[Samples, int] | None = None
    """The audio committed last, unless it has been answered."""


MAX_RESPONSES = 32
"""At a time, those outside of the conversation included."""


class Responding:
    """`after` is called for each response that has ended."""

    def __init__(
        self,
        settings: SessionSettings,
        conversation: Conversation,
        model: Model,
        voice: Voice,
        transcribing: Transcribing,
        outlet: Outlet,
        clock: Clock,
        behaviour: Behaviour,
        after: Callable[[Response], None],
    ) -> None:
        self._settings = settings
        self._conversation = conversation
        self._model = model
        self._voice = voice
        self._transcribing = transcribing
        self._outlet = outlet
        self._clock = clock
        self._behaviour = behaviour
        self._after = after
        self.mcp = McpCalls(model, conversation, outlet, clock)
        self.caller = Caller()
        self._conversation_id = new_id("conv")
        self._cache = InputCache()
        self._running: dict[str, tuple[Response, asyncio.Task[None] | None]] = {}
        self._default: Response | None = None
        self._count = 0
        self._told: set[str] = set()
        self._used_tokens = 0
        self.sent_audio = False

    @property
    def active(self) -> Response | None:
        """The response that is being written into the conversation."""
        return self._default if self._default is not None and self._default.active else None

    def create(self, asked: dict[str, Any], turn: Turn | None = None) -> None:
        """Begins a response; the model makes the turn, if it is not given. Raises RequestError."""
        outside = asked.get("conversation") == "none"
        if self.active is not None and not outside:
            raise RequestError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self.active.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        if len(self._running) >= MAX_RESPONSES:
            raise RequestError("rate_limit_exceeded", f"More than {MAX_RESPONSES} responses at a time.")
        prompt = Prompt.of(asked, self._settings, self._conversation)
        if self.sent_audio and prompt.voice != self._settings.voice:
            raise RequestError(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
                "response.audio.output.voice",
            )
        response = self._begin(prompt, outside=outside)
        answer = _given(turn) if turn is not None else self._asking(prompt)
        if self._count < self._behaviour.fail_responses:
            answer = _failing
        self._count += 1

        async def run() -> None:
            await response.run(answer, self._voice)
            self._ended(response)

        task = asyncio.create_task(run())
        self._running[response.id] = response, task

    def echo(self, audio: bytes) -> None:
        """The audio comes back in a response without end."""
        if self.active is None:
            self._begin(Prompt.of({}, self._settings, self._conversation), outside=False)
        assert self._default is not None
        self._default.send_audio(audio)

    def cancel(self, response_id: str | None, reason: str) -> None:
        """The one of this id, None: the conversation's. Raises RequestError where there is none."""
        wanted = response_id or (self.active.id if self.active else "")
        response, task = self._running.get(wanted, (self.active, None))
        if response is None or not response.active or response.id != wanted:
            raise RequestError("response_cancel_not_active", "Cancellation failed: no active response found")
        if task:
            task.cancel()
        response.cancel(reason)
        self._ended(response)

    async def close(self) -> None:
        """Ends everything that runs; nothing is sent."""
        tasks = [task for _, task in self._running.values() if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.mcp.close()

    def _begin(self, prompt: Prompt, *, outside: bool) -> Response:
        self.sent_audio = self.sent_audio or prompt.modality == "audio"
        given, cached = prompt.tokens(self._cache)
        chosen = ResponseSettings(
            modality=prompt.modality,
            audio_format=prompt.audio_format,
            voice=prompt.voice,
            speed=prompt.speed,
            max_output_tokens=prompt.max_output_tokens,
            conversation_id=None if outside else self._conversation_id,
            metadata=prompt.metadata,
            given=given,
            cached=cached,
        )
        response = Response(chosen, self._conversation, self._outlet, self._clock, self._behaviour, self.mcp)
        if not outside:
            self._default = response
        response.begin()
        self._tell_limits(given.total)
        return response

    def _asking(self, prompt: Prompt) -> Answering:
        number, caller = self._count, self.caller
        heard, caller.heard = caller.heard, None
        unanswered, caller.unanswered = caller.unanswered, False
        results = prompt.results(self._told)

        async def answer() -> Any:
            if self._model.wants_words:
                await self._transcribing.finished()
            items = [item.told() for item in prompt.items]
            context = Context(
                number=number,
                items=items,
                instructions=prompt.instructions,
                heard=heard[0] if heard else None,
                heard_rate=heard[1] if heard else self._settings.input_format.rate,
                asked=prompt.asked,
                turn=caller.turns,
                said=_said(items) if unanswered else None,
                results=results,
                tools=prompt.tools,
                tool_choice=prompt.tool_choice,
                parallel_tool_calls=prompt.parallel_tool_calls,
                metadata=prompt.metadata or {},
                modality=prompt.modality,
                input=prompt.input,
                model=self._settings.model,
                max_output_tokens=prompt.max_output_tokens,
            )
            made = await self._model.answer(context)
            chooser = Chooser(context)
            return chooser.turn(made) if isinstance(made, Turn) else chooser.stream(made)

        return answer

    def _ended(self, response: Response) -> None:
        self._running.pop(response.id, None)
        self._used_tokens += response.used_tokens
        log.info("response %s: %s, %.0f ms of audio", response.id, response.status, response.sent_ms)
        self._after(response)

    def _tell_limits(self, given: int) -> None:
        reserved = self._used_tokens + given + _RESERVED_TOKENS
        limits = (
            ("requests", _REQUESTS_A_MINUTE, self._count + 1),
            ("tokens", _TOKENS_A_MINUTE, reserved),
        )
        shown = [
            {"name": name, "limit": limit, "remaining": max(0, limit - used), "reset_seconds": 60.0 * used / limit}
            for name, limit, used in limits
        ]
        self._outlet.emit({"type": "rate_limits.updated", "rate_limits": shown})


async def _failing() -> Turn:
    raise ModelError("The server had an error while processing your request.")


def _given(turn: Turn) -> Answering:
    async def answer() -> Turn:
        return turn

    return answer


def _said(items: list[dict[str, Any]]) -> str | None:
    """The words of the caller's newest message."""
    for item in reversed(items):
        if item.get("role") == "user":
            parts = [part.get("text") or part.get("transcript") for part in item["content"]]
            return " ".join(filter(None, parts)) or None
    return None
