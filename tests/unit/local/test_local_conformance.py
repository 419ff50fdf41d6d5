"""Which of the server events that the official SDK knows the endpoint sends: all that a WebSocket client can meet.

Each event of these conversations is judged by the SDK's types as it is sent (conftest.py).
"""

from collections.abc import Awaitable, Callable
from typing import Any

import official_types
import pytest

from mod_openai_realtime.local.agent import Context, FunctionCall, Turn
from mod_openai_realtime.local.behaviour import Behaviour, Pacing

MakeBench = Callable[..., Any]
LOUD = 8000
ONE_PIECE = Behaviour(pacing=Pacing(speed=None))
TEN_WORDS = "one two three four five six seven eight nine ten"

NOT_REACHABLE = {
    "conversation.created": "the service has not sent it since general availability: the session announces itself",
    "conversation.item.created": "the beta's; `conversation.item.added` and `conversation.item.done` took its place",
    "input_audio_buffer.dtmf_event_received": "on SIP only",
    "output_audio_buffer.started": "on WebRTC and SIP only",
    "output_audio_buffer.stopped": "on WebRTC and SIP only",
    "output_audio_buffer.cleared": "on WebRTC and SIP only",
}


async def _words(_samples: Any, _rate: int) -> str:
    return "Hello there."


async def _a_greeting_and_a_turn(make_bench: MakeBench) -> Any:
    bench = make_bench(agent=["Hello.", TEN_WORDS], behaviour=ONE_PIECE, transcriber=_words)
    await bench.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}})
    await bench.send("response.create")
    await bench.hear(1000, LOUD)
    await bench.hear(1000)
    return bench


async def _a_barge_in(make_bench: MakeBench) -> Any:
    bench = make_bench(agent=[TEN_WORDS])
    await bench.send("response.create")
    await bench.hear(600, LOUD)
    item = bench.only("response.output_item.done")["item"]
    assert item["status"] == "incomplete"
    await bench.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=250)
    await bench.send("conversation.item.retrieve", item_id=item["id"])
    await bench.send("conversation.item.delete", item_id=item["id"])
    return bench


async def _a_function_call(make_bench: MakeBench) -> Any:
    def answer(context: Context) -> Turn:
        answered = any(item["type"] == "function_call_output" for item in context.items)
        return Turn("Seven.") if answered else Turn("One moment.", calls=(FunctionCall("hours", '{"day": "monday"}'),))

    bench = make_bench(agent=answer, behaviour=ONE_PIECE)
    await bench.update(tools=[{"type": "function", "name": "hours", "parameters": {"type": "object"}}])
    await bench.send("response.create")
    call = bench.only("response.function_call_arguments.done")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"opens": 7}'}
    await bench.send("conversation.item.create", item=output)
    await bench.send("response.create")
    return bench


async def _text_only(make_bench: MakeBench) -> Any:
    bench = make_bench(agent=["one two"])
    await bench.update(output_modalities=["text"])
    hello = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    await bench.send("conversation.item.create", item=hello)
    await bench.send("response.create", response={"metadata": {"topic": "numbers"}, "conversation": "none"})
    return bench


async def _without_turn_detection(make_bench: MakeBench) -> Any:
    async def no_words(_samples: Any, _rate: int) -> str:
        raise RuntimeError("nothing was understood")

    bench = make_bench(agent=["Hello."], behaviour=ONE_PIECE, transcriber=no_words)
    await bench.update(audio={"input": {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}})
    await bench.hear(200, LOUD)
    await bench.send("input_audio_buffer.clear")
    await bench.send("input_audio_buffer.commit")
    await bench.hear(200, LOUD)
    await bench.send("input_audio_buffer.commit")
    await bench.send("response.create")
    return bench


async def _a_caller_who_says_nothing(make_bench: MakeBench) -> Any:
    bench = make_bench(agent=["Hello.", "Are you there?"], behaviour=ONE_PIECE)
    await bench.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
    await bench.send("response.create")
    await bench.hear(6000)
    await bench.clock.move(6)
    return bench


async def _cancelled_and_failed(make_bench: MakeBench) -> Any:
    def answer(context: Context) -> Turn:
        if context.number:
            raise RuntimeError("the agent is broken")
        return Turn(TEN_WORDS)

    bench = make_bench(agent=answer)
    await bench.send("response.create")
    await bench.send("response.create")
    await bench.send("response.cancel")
    await bench.send("response.create")
    done = [event["response"]["status"] for event in bench.of("response.done")]
    assert done == ["cancelled", "failed"]
    return bench


async def _speakers_told_apart(make_bench: MakeBench) -> Any:
    bench = make_bench(agent={"turns": ["one"], "transcripts": ["Hello."]}, behaviour=ONE_PIECE)
    await bench.update(
        audio={"input": {"transcription": {"model": "gpt-4o-transcribe-diarize"}}},
        include=["item.input_audio_transcription.logprobs"],
    )
    await bench.hear(1000, LOUD)
    await bench.hear(1000)
    return bench


async def _a_transcription_session(make_bench: MakeBench) -> Any:
    bench = make_bench(agent={"turns": ["one"], "transcripts": ["Hello."]}, transcribing=True)
    wanted = {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    await bench.send("session.update", session=wanted)
    await bench.hear(1000, LOUD)
    await bench.hear(1000)
    return bench


async def _tools_of_mcp_servers(make_bench: MakeBench) -> Any:
    def tool(label: str) -> dict[str, str]:
        return {"type": "mcp", "server_label": label, "server_url": "https://mcp.invalid"}

    call = {"server": "wiki", "name": "ask", "arguments": {"about": "bread"}}
    asking = {"mcp": [{**call, "output": "42"}, {**call, "error": "no answer"}, {**call, "approval": True}]}
    bench = make_bench(agent={"turns": [asking], "mcp": {"wiki": ["ask"]}}, behaviour=ONE_PIECE)
    await bench.update(tools=[tool("wiki"), tool("unknown")])
    await bench.send("response.create")
    request = bench.only("response.done")["response"]["output"][2]
    consent = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": True}
    await bench.send("conversation.item.create", item=consent)
    await bench.send("response.create")
    return bench


Conversation = Callable[[MakeBench], Awaitable[Any]]
CONVERSATIONS: dict[str, tuple[Conversation, set[str]]] = {
    "a greeting and a turn": (
        _a_greeting_and_a_turn,
        {
            "session.created",
            "session.updated",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.delta",
            "response.output_audio.done",
            "response.output_audio_transcript.delta",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
            "rate_limits.updated",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
        },
    ),
    "a barge-in": (
        _a_barge_in,
        {"conversation.item.truncated", "conversation.item.retrieved", "conversation.item.deleted"},
    ),
    "a function call": (
        _a_function_call,
        {"response.function_call_arguments.delta", "response.function_call_arguments.done"},
    ),
    "text only": (_text_only, {"response.output_text.delta", "response.output_text.done"}),
    "without turn detection": (
        _without_turn_detection,
        {"input_audio_buffer.cleared", "conversation.item.input_audio_transcription.failed", "error"},
    ),
    "a caller who says nothing": (_a_caller_who_says_nothing, {"input_audio_buffer.timeout_triggered"}),
    "cancelled and failed": (_cancelled_and_failed, {"error"}),
    "speakers told apart": (_speakers_told_apart, {"conversation.item.input_audio_transcription.segment"}),
    "a transcription session": (
        _a_transcription_session,
        {"conversation.item.input_audio_transcription.completed"},
    ),
    "tools of MCP servers": (
        _tools_of_mcp_servers,
        {
            "mcp_list_tools.in_progress",
            "mcp_list_tools.completed",
            "mcp_list_tools.failed",
            "response.mcp_call_arguments.delta",
            "response.mcp_call_arguments.done",
            "response.mcp_call.in_progress",
            "response.mcp_call.completed",
            "response.mcp_call.failed",
        },
    ),
}
"""Each with the events that it is there to reach."""

REACHED = frozenset().union(*(events for _, events in CONVERSATIONS.values()))


def test_every_event_is_reached_or_has_a_reason_why_not() -> None:
    assert not REACHED & NOT_REACHABLE.keys()
    assert REACHED | NOT_REACHABLE.keys() == official_types.SERVER_EVENTS


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_conversation_reaches_its_events_and_none_that_is_not_reachable(
    name: str, make_bench: MakeBench
) -> None:
    converse, reaches = CONVERSATIONS[name]
    bench = await converse(make_bench)
    sent = {event["type"] for event in bench.events}
    assert reaches <= sent
    assert sent <= REACHED
