"""What a response.create asks for is what happens: tools and their choice, input, limits, speed; and what the client
does to a response while it is generated."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from mod_openai_realtime.local.agent import Context, FunctionCall, Piece, Turn
from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.responding import MAX_RESPONSES

MakeBench = Callable[..., Any]
ONE_PIECE = Behaviour(pacing=Pacing(speed=None))
SLOW = Behaviour(pacing=Pacing(delta_ms=100, speed=1.0, ahead_ms=0))
DAY = {"type": "object", "properties": {"day": {"enum": ["monday", "sunday"]}}, "required": ["day"]}
HOURS = {"type": "function", "name": "hours", "parameters": DAY}
CLOSE = {"type": "function", "name": "close"}


def calls(bench: Any) -> list[tuple[str, Any]]:
    return [
        (event["name"], json.loads(event["arguments"])) for event in bench.of("response.function_call_arguments.done")
    ]


def says_and_calls(*names: str) -> Turn:
    return Turn("Well.", calls=tuple(FunctionCall(name) for name in names))


def text_of(event: dict[str, Any]) -> str:
    (content,) = event["response"]["output"][0]["content"]
    return str(content.get("transcript", content.get("text")))


# Tools


async def test_only_declared_functions_are_called(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: says_and_calls("hours", "close"), behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS])
    await bench.send("response.create")
    assert [name for name, _ in calls(bench)] == ["hours"]


async def test_a_turn_of_nothing_but_an_undeclared_function_fails_and_says_so(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: Turn(calls=(FunctionCall("hours"),)))
    await bench.send("response.create")
    response = bench.only("response.done")["response"]
    assert response["status"] == "failed"
    assert "hours, which the session does not declare" in response["status_details"]["error"]["message"]


async def test_tool_choice_none_calls_nothing(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: Turn(calls=(FunctionCall("hours"),)), behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS], tool_choice="none", instructions="Be brief.")
    await bench.send("response.create")
    assert calls(bench) == []
    assert text_of(bench.only("response.done")) == "Be brief."


async def test_tool_choice_required_calls_one_that_fits_its_schema(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["Hello."], behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS, CLOSE])
    await bench.send("response.create", response={"tool_choice": "required"})
    assert calls(bench) == [("hours", {"day": "monday"})]


async def test_tool_choice_names_the_function(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: says_and_calls("hours", "close"), behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS, CLOSE], tool_choice={"type": "function", "name": "close"})
    await bench.send("response.create")
    assert [name for name, _ in calls(bench)] == ["close"]


async def test_a_choice_of_a_tool_that_is_not_there_is_refused(make_bench: MakeBench) -> None:
    bench = make_bench()
    choice = {"type": "function", "name": "hours"}
    (refused,) = await bench.update(tool_choice=choice)
    assert (refused["error"]["code"], refused["error"]["param"]) == ("invalid_value", "session.tool_choice")
    (refused,) = await bench.send("response.create", response={"tool_choice": choice})
    assert refused["error"]["param"] == "response.tool_choice"


async def test_the_response_s_tools_are_its_own(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: says_and_calls("hours", "close"), behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS])
    await bench.send("response.create", response={"tools": [CLOSE]})
    await bench.send("response.create")
    assert [name for name, _ in calls(bench)] == ["close", "hours"]


async def test_without_parallel_calls_there_is_one(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: says_and_calls("hours", "hours"), behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS], parallel_tool_calls=False)
    await bench.send("response.create")
    assert len(calls(bench)) == 1


async def test_arguments_come_bit_by_bit(make_bench: MakeBench) -> None:
    arguments = json.dumps({"day": "monday " * 10})
    bench = make_bench(agent=lambda context: Turn(calls=(FunctionCall("hours", arguments),)))
    await bench.update(tools=[HOURS])
    await bench.send("response.create")
    deltas = bench.of("response.function_call_arguments.delta")
    assert len(deltas) > 1
    assert "".join(event["delta"] for event in deltas) == arguments


# What it is made from


async def test_the_agent_is_told_all_that_the_response_goes_by(make_bench: MakeBench) -> None:
    asked: list[Context] = []

    def answer(context: Context) -> str:
        asked.append(context)
        return "one"

    bench = make_bench(agent=answer, behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS], instructions="Be brief.")
    hello = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello there"}]}
    await bench.send("conversation.item.create", item={**hello, "id": "hello"})
    wish = {"output_modalities": ["text"], "metadata": {"a": "b"}, "tool_choice": "none", "max_output_tokens": 99}
    await bench.send("response.create", response=wish)
    await bench.send("response.create", response={"instructions": "Greet.", "conversation": "none"})
    first, second = asked
    assert (first.number, first.instructions, first.asked) == (0, "Be brief.", None)
    assert (first.turn, first.said) == (1, "Hello there")
    assert first.tools == [HOURS] and first.tool_choice == "none"
    assert (first.modality, first.metadata, first.max_output_tokens) == ("text", {"a": "b"}, 99)
    assert (second.instructions, second.asked, second.said) == ("Greet.", "Greet.", None)


async def test_the_input_takes_the_place_of_the_conversation(make_bench: MakeBench) -> None:
    asked: list[Context] = []

    def answer(context: Context) -> str:
        asked.append(context)
        return "one"

    bench = make_bench(agent=answer, behaviour=ONE_PIECE)
    for name in ("a", "b"):
        content = [{"type": "input_text", "text": name}]
        item = {"id": name, "type": "message", "role": "user", "content": content}
        await bench.send("conversation.item.create", item=item)
    own = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "own"}]}
    wish = {"conversation": "none", "input": [{"type": "item_reference", "id": "b"}, own]}
    await bench.send("response.create", response=wish)
    assert [item["content"][0]["text"] for item in asked[0].items] == ["b", "own"]
    assert asked[0].input == wish["input"]
    await bench.send("response.create", response={"conversation": "none", "input": []})
    assert asked[1].items == []
    missing = {"input": [{"type": "item_reference", "id": "none"}]}
    (refused,) = await bench.send("response.create", response=missing)
    assert refused["error"]["param"] == "response.input[0].id"


# Limits


@pytest.mark.parametrize("modality", ["text", "audio"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_no_more_tokens_than_asked_for(make_bench: MakeBench, modality: str, limit: int) -> None:
    bench = make_bench(agent=["one two three four five six seven eight nine ten"], behaviour=ONE_PIECE)
    await bench.send("response.create", response={"output_modalities": [modality], "max_output_tokens": limit})
    response = bench.only("response.done")["response"]
    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert response["usage"]["output_tokens"] <= limit


async def test_arguments_count_for_the_limit_too(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: Turn(calls=(FunctionCall("hours", '{"day": "monday"}'),)))
    await bench.update(tools=[HOURS])
    await bench.send("response.create", response={"max_output_tokens": 2})
    response = bench.only("response.done")["response"]
    assert (response["status"], response["output"][0]["status"]) == ("incomplete", "incomplete")
    assert response["output"][0]["arguments"] == '{"day": '


async def test_speed_makes_speech_shorter_and_waits_for_the_end_of_a_response(make_bench: MakeBench) -> None:
    class Counting:
        async def speak(self, text: str, rate: int, speed: float = 1.0) -> Any:
            return np.full(int(rate / speed), 1000, np.int16)

    bench = make_bench(agent=["one"], behaviour=SLOW, voice=Counting())
    await bench.update(audio={"output": {"speed": 1.25}})
    await bench.send("response.create")
    (refused,) = await bench.update(audio={"output": {"speed": 1.0}})
    assert refused["error"]["param"] == "session.audio.output.speed"
    await bench.clock.move(2)
    sent = b"".join(base64.b64decode(event["delta"]) for event in bench.of("response.output_audio.delta"))
    assert len(sent) == 800 * 48
    assert (await bench.update(audio={"output": {"speed": 1.0}}))[0]["type"] == "session.updated"


# While it is generated


async def begun(make_bench: MakeBench, words: str = "one two three four five six seven eight nine ten") -> Any:
    """A response of which 500 ms have been sent."""
    bench = make_bench(agent=[words], behaviour=SLOW)
    await bench.send("response.create")
    await bench.clock.move(0.45)
    assert len(bench.of("response.output_audio.delta")) == 5
    return bench


async def test_truncating_what_is_still_being_said_keeps_only_what_was_heard(make_bench: MakeBench) -> None:
    bench = await begun(make_bench)
    item_id = bench.only("response.output_item.added")["item"]["id"]
    cut = await bench.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=310)
    assert [event["type"] for event in cut] == ["conversation.item.truncated"]
    await bench.clock.move(10)
    # The response says all of it; the conversation has what the client left of it.
    assert text_of(bench.only("response.done")) == "one two three four five six seven eight nine ten"
    assert "".join(event["delta"] for event in bench.of("response.output_audio_transcript.delta")).endswith("ten")
    (done,) = [event for event in bench.of("conversation.item.done") if event["item"]["id"] == item_id]
    heard = done["item"]["content"][0]["transcript"]
    assert heard and "one two three four".startswith(heard)
    (retrieved,) = await bench.send("conversation.item.retrieve", item_id=item_id)
    assert len(base64.b64decode(retrieved["item"]["content"][0]["audio"])) == 310 * 48
    assert retrieved["item"]["content"][0]["transcript"] == heard


async def test_deleting_what_is_still_being_said_leaves_nothing_of_it(make_bench: MakeBench) -> None:
    bench = await begun(make_bench)
    item_id = bench.only("response.output_item.added")["item"]["id"]
    assert (await bench.send("conversation.item.delete", item_id=item_id))[0]["type"] == "conversation.item.deleted"
    await bench.clock.move(10)
    assert bench.only("response.done")["response"]["status"] == "completed"
    assert bench.of("conversation.item.done") == []
    (refused,) = await bench.send("conversation.item.retrieve", item_id=item_id)
    assert refused["error"]["code"] == "item_retrieve_invalid_item_id"


async def test_no_word_is_kept_that_is_spoken_after_the_cut(make_bench: MakeBench) -> None:
    class LateVoice:
        """Half a second of silence before it speaks, and after."""

        async def speak(self, text: str, rate: int, speed: float = 1.0) -> Any:
            half = np.zeros(rate // 2, np.int16)
            return np.concatenate([half, np.full(rate, 5000, np.int16), half])

    bench = make_bench(agent=["one two six ten"], behaviour=ONE_PIECE, voice=LateVoice())
    await bench.send("response.create")
    item_id = bench.only("response.output_item.added")["item"]["id"]
    # Each of the four takes a quarter of the second in the middle.
    for end_ms, words in ((2000, "one two six ten"), (900, "one"), (690, ""), (0, "")):
        await bench.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=end_ms)
        (retrieved,) = await bench.send("conversation.item.retrieve", item_id=item_id)
        assert retrieved["item"]["content"][0]["transcript"] == words


async def test_a_response_outside_the_conversation_is_cancelled_by_its_id(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one two three four five"], behaviour=SLOW)
    await bench.send("response.create")
    (created, *_) = await bench.send("response.create", response={"conversation": "none"})
    response_id = created["response"]["id"]
    assert created["response"]["conversation_id"] is None
    events = await bench.send("response.cancel", response_id=response_id)
    assert events[-1]["response"]["id"] == response_id
    assert events[-1]["response"]["status"] == "cancelled"
    await bench.clock.move(10)
    others = [event["response"] for event in bench.of("response.done") if event["response"]["id"] != response_id]
    assert [each["status"] for each in others] == ["completed"]
    (refused,) = await bench.send("response.cancel", response_id=response_id)
    assert refused["error"]["code"] == "response_cancel_not_active"


async def test_cancel_without_an_id_is_the_conversation_s(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one two three four five"], behaviour=SLOW)
    await bench.send("response.create", response={"conversation": "none"})
    (refused,) = await bench.send("response.cancel")
    assert refused["error"]["code"] == "response_cancel_not_active"


# Words that come bit by bit


async def test_a_sentence_is_spoken_before_the_next_is_there(make_bench: MakeBench) -> None:
    import asyncio

    more = asyncio.Event()

    async def answer(context: Context) -> AsyncIterator[Piece]:
        for piece in ("One ", "two. ", "Three "):
            yield piece
        await more.wait()
        yield "four."
        yield FunctionCall("close")

    bench = make_bench(agent=answer, behaviour=ONE_PIECE)
    await bench.update(tools=[CLOSE])
    await bench.send("response.create")
    deltas = bench.of("response.output_audio_transcript.delta")
    assert "".join(event["delta"] for event in deltas) == "One two."
    assert bench.of("response.output_audio.delta")
    more.set()
    await bench.clock.move(1)
    response = bench.only("response.done")["response"]
    assert text_of(bench.only("response.done")) == "One two. Three four."
    assert [item["type"] for item in response["output"]] == ["message", "function_call"]
    assert response["output"][0]["content"][0]["type"] == "output_audio"


async def test_words_come_as_text_where_text_is_asked_for(make_bench: MakeBench) -> None:
    def answer(context: Context) -> Any:
        yield "one "
        yield "two"

    bench = make_bench(agent=answer)
    await bench.send("response.create", response={"output_modalities": ["text"]})
    assert bench.only("response.output_text.done")["text"] == "one two"


async def test_an_answer_that_breaks_off_fails_the_response(make_bench: MakeBench) -> None:
    async def answer(context: Context) -> AsyncIterator[Piece]:
        yield "One. "
        raise RuntimeError("gone")

    bench = make_bench(agent=answer, behaviour=ONE_PIECE)
    await bench.send("response.create")
    response = bench.only("response.done")["response"]
    assert (response["status"], response["output"][0]["status"]) == ("failed", "incomplete")
    assert response["status_details"]["error"]["message"] == "gone"


async def test_what_makes_the_words_is_ended_with_the_response(make_bench: MakeBench) -> None:
    ended: list[str] = []

    async def answer(context: Context) -> AsyncIterator[Piece]:
        try:
            yield "One two three four five. "
            yield "Six seven eight nine ten. "
        finally:
            ended.append("ended")

    bench = make_bench(agent=answer, behaviour=SLOW)
    await bench.send("response.create")
    await bench.send("response.cancel")
    assert ended == ["ended"]
    await bench.send("response.create", response={"max_output_tokens": 3})
    await bench.clock.move(1)
    assert bench.of("response.done")[1]["response"]["status"] == "incomplete"
    assert ended == ["ended"] * 2


async def test_a_response_may_not_change_a_voice_that_was_heard(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"], behaviour=ONE_PIECE)
    wish = {"audio": {"output": {"voice": "ash"}}}
    await bench.send("response.create", response=wish)
    assert bench.only("response.done")["response"]["audio"]["output"]["voice"] == "ash"
    (refused,) = await bench.send("response.create", response=wish)
    assert (refused["error"]["code"], refused["error"]["param"]) == (
        "cannot_update_voice",
        "response.audio.output.voice",
    )


async def test_a_latency_is_waited_for_and_no_longer(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"], behaviour=Behaviour(latency_ms=(700, 700), pacing=Pacing(speed=None)))
    await bench.send("response.create")
    await bench.clock.move(0.69)
    assert [event["type"] for event in bench.events[1:]] == ["response.created", "rate_limits.updated"]
    await bench.clock.move(0.02)
    assert bench.only("response.done")["response"]["status"] == "completed"


# Items of the client's own


async def test_audio_of_a_created_item_is_kept(make_bench: MakeBench) -> None:
    heard = base64.b64encode(bytes(4800)).decode()
    bench = make_bench()
    part = {"type": "input_audio", "audio": heard, "transcript": "Hello."}
    item = {"id": "a", "type": "message", "role": "user", "content": [part]}
    events = await bench.send("conversation.item.create", item=item)
    assert events[0]["item"]["content"] == [{"type": "input_audio", "transcript": "Hello."}]
    (retrieved,) = await bench.send("conversation.item.retrieve", item_id="a")
    assert retrieved["item"]["content"][0]["audio"] == heard
    (refused,) = await bench.send(
        "conversation.item.create", item={**item, "id": "b", "content": [{**part, "audio": "%"}]}
    )
    assert refused["error"]["param"] == "item.content[0].audio"


# The session


async def test_another_model_is_no_change_and_loses_nothing(make_bench: MakeBench) -> None:
    bench = make_bench()
    (updated,) = await bench.update(model="gpt-realtime-mini", instructions="Be brief.", tools=[HOURS])
    session = updated["session"]
    assert (session["model"], session["instructions"]) == ("gpt-realtime-2.1", "Be brief.")
    assert session["tools"] == [HOURS]


async def test_a_session_keeps_its_type(make_bench: MakeBench) -> None:
    bench = make_bench()
    (refused,) = await bench.send("session.update", session={"type": "transcription"})
    assert refused["error"]["code"] == "invalid_parameter"
    assert refused["error"]["message"] == (
        "Passing a transcription session update event to a realtime session is not allowed."
    )


async def test_tracing_stays_as_it_was_enabled(make_bench: MakeBench) -> None:
    bench = make_bench()
    assert (await bench.update(tracing="auto"))[0]["session"]["tracing"] == "auto"
    assert (await bench.update(tracing=None))[0]["session"]["tracing"] == "auto"
    (refused,) = await bench.update(tracing={"workflow_name": "x"})
    assert refused["error"]["param"] == "session.tracing"


# Too many


async def test_responses_outside_of_the_conversation_are_bounded(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: "Well, well, well.", behaviour=SLOW)
    for _ in range(MAX_RESPONSES + 1):
        await bench.send("response.create", response={"conversation": "none"})
    assert len(bench.of("response.created")) == MAX_RESPONSES
    assert bench.only("error")["error"]["code"] == "rate_limit_exceeded"
