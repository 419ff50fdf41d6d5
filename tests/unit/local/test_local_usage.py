"""Tokens: what a response was made from is input, what it made is output, and what was there before is cached."""

import base64
from collections.abc import Callable
from typing import Any

from mod_openai_realtime.local.behaviour import Behaviour, Pacing

MakeBench = Callable[..., Any]
ONE_PIECE = Behaviour(pacing=Pacing(speed=None))


def used(bench: Any, number: int) -> dict[str, Any]:
    usage: dict[str, Any] = bench.of("response.done")[number]["response"]["usage"]
    return usage


async def test_instructions_and_tools_are_input(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"], behaviour=ONE_PIECE)
    await bench.update(instructions="x" * 400)
    await bench.send("response.create")
    assert used(bench, 0)["input_token_details"]["text_tokens"] == 100
    await bench.update(tools=[{"type": "function", "name": "f", "description": "y" * 400}])
    await bench.send("response.create", response={"conversation": "none", "input": []})
    assert used(bench, 1)["input_token_details"]["text_tokens"] > 200


async def test_a_response_s_own_output_is_not_its_input(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one two three four"], behaviour=ONE_PIECE)
    await bench.update(instructions="")
    await bench.send("response.create")
    usage = used(bench, 0)
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (0, 13, 13)
    assert usage["output_token_details"] == {"text_tokens": 5, "audio_tokens": 8}
    await bench.send("response.create")
    # Now it is: its text and its audio.
    assert used(bench, 1)["input_token_details"]["audio_tokens"] == 8
    assert used(bench, 1)["input_token_details"]["text_tokens"] == 5


async def test_the_caller_s_audio_is_input_and_its_transcript_is_not(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"], behaviour=ONE_PIECE)
    await bench.update(instructions="", audio={"input": {"turn_detection": None}})
    await bench.hear(2000, 8000)
    await bench.send("input_audio_buffer.commit")
    audio = base64.b64encode(bytes(48_000)).decode()
    content = [{"type": "input_audio", "audio": audio, "transcript": "what was said"}]
    await bench.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await bench.send("response.create")
    details = used(bench, 0)["input_token_details"]
    assert (details["audio_tokens"], details["text_tokens"]) == (30, 0)


async def test_what_was_there_before_is_cached(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one two"], behaviour=ONE_PIECE)
    await bench.update(instructions="x" * 40)
    await bench.send("response.create")
    assert used(bench, 0)["input_token_details"]["cached_tokens"] == 0
    await bench.send("response.create")
    await bench.send("response.create")
    details = used(bench, 2)["input_token_details"]
    assert details["cached_tokens"] == used(bench, 1)["input_tokens"]
    assert details["cached_tokens_details"]["audio_tokens"] == 4
    assert sum(details["cached_tokens_details"].values()) == details["cached_tokens"]
    await bench.update(instructions="something else")
    await bench.send("response.create")
    assert used(bench, 3)["input_token_details"]["cached_tokens"] == 0


async def test_the_limits_of_the_rate_are_told_as_a_response_begins(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"], behaviour=ONE_PIECE)
    await bench.send("response.create")
    await bench.send("response.create")
    kinds = [event["type"] for event in bench.events if event["type"] in ("response.created", "rate_limits.updated")]
    assert kinds == ["response.created", "rate_limits.updated"] * 2
    first, second = bench.of("rate_limits.updated")
    assert [each["name"] for each in first["rate_limits"]] == ["requests", "tokens"]
    assert second["rate_limits"][1]["remaining"] < first["rate_limits"][1]["remaining"]
