"""What the caller said: from a script, from a transcriber; told in order; waited for by an agent that goes by words."""

import asyncio
from collections.abc import Callable
from typing import Any

from mod_openai_realtime.local.agent import Context
from mod_openai_realtime.local.behaviour import Behaviour, Pacing

MakeBench = Callable[..., Any]
ONE_PIECE = Behaviour(pacing=Pacing(speed=None))
NAME = "conversation.item.input_audio_transcription"
LOUD = 8000


async def turn(bench: Any) -> None:
    await bench.hear(500, LOUD)
    await bench.hear(800)


async def test_a_script_says_what_the_caller_says(make_bench: MakeBench) -> None:
    bench = make_bench(agent={"turns": ["one"], "transcripts": ["Hello there.", "Bye."]}, behaviour=ONE_PIECE)
    await bench.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}})
    for _ in range(3):
        await turn(bench)
    assert [event["transcript"] for event in bench.of(f"{NAME}.completed")] == ["Hello there.", "Bye.", "Hello there."]
    assert [event["delta"] for event in bench.of(f"{NAME}.delta")][:2] == ["Hello", " there."]
    usage = bench.of(f"{NAME}.completed")[0]["usage"]
    assert usage["type"] == "tokens" and usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


async def test_rules_go_by_words_though_the_client_asked_for_no_transcript(make_bench: MakeBench) -> None:
    script = {
        "transcripts": ["When are you open on Monday?", "What about Sunday?"],
        "turns": [{"when": {"words": "sunday"}, "say": "Closed."}, {"when": {"words": "monday"}, "say": "Open."}],
    }
    bench = make_bench(agent=script, behaviour=ONE_PIECE)
    await turn(bench)
    await turn(bench)
    said = [event["transcript"] for event in bench.of("response.output_audio_transcript.done")]
    assert said == ["Open.", "Closed."]
    assert bench.of(f"{NAME}.completed") == []
    (item,) = [event["item"] for event in bench.of("conversation.item.done") if event["item"].get("role") == "user"][:1]
    assert item["content"][0]["transcript"] is None


async def test_an_answer_waits_for_the_words_and_hears_them(make_bench: MakeBench) -> None:
    known = asyncio.Event()
    heard: list[Context] = []

    async def transcriber(_samples: Any, _rate: int) -> str:
        await known.wait()
        return "Hello."

    def answer(context: Context) -> str:
        heard.append(context)
        return "one"

    bench = make_bench(agent=answer, behaviour=ONE_PIECE, transcriber=transcriber)
    await turn(bench)
    assert bench.of("response.created") and not heard
    known.set()
    await bench.clock.move(0)
    (context,) = heard
    assert (context.said, context.turn) == ("Hello.", 1)
    assert context.items[-1]["content"][0]["transcript"] == "Hello."


async def test_transcripts_are_told_in_the_order_of_the_turns(make_bench: MakeBench) -> None:
    first = asyncio.Event()
    count = 0

    async def transcriber(_samples: Any, _rate: int) -> str:
        nonlocal count
        count += 1
        mine = count
        if mine == 1:
            await first.wait()
        return str(mine)

    bench = make_bench(agent=["one"], behaviour=ONE_PIECE, transcriber=transcriber)
    await bench.update(audio={"input": {"transcription": {"model": "whisper-1"}, "turn_detection": None}})
    for _ in range(2):
        await bench.hear(200, LOUD)
        await bench.send("input_audio_buffer.commit")
    assert bench.of(f"{NAME}.completed") == []
    first.set()
    await bench.clock.move(0)
    assert [event["transcript"] for event in bench.of(f"{NAME}.completed")] == ["1", "2"]


async def test_speakers_are_told_apart_by_the_model_for_that(make_bench: MakeBench) -> None:
    bench = make_bench(agent={"turns": ["one"], "transcripts": ["Hello."]}, behaviour=ONE_PIECE)
    model = {"model": "gpt-4o-transcribe-diarize"}
    await bench.update(audio={"input": {"transcription": model}}, include=["item.input_audio_transcription.logprobs"])
    await turn(bench)
    assert bench.only(f"{NAME}.segment")["text"] == "Hello."
    assert bench.only(f"{NAME}.completed")["logprobs"][0]["token"] == "Hello."


async def test_a_transcription_session_only_writes_down(make_bench: MakeBench) -> None:
    script = {"turns": ["one"], "transcripts": ["Hello."]}
    bench = make_bench(agent=script, behaviour=ONE_PIECE, transcribing=True)
    session = bench.only("session.created")["session"]
    assert session["type"] == "transcription" and "output" not in session["audio"]
    wanted = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
    (updated,) = await bench.send("session.update", session=wanted)
    assert updated["session"]["audio"]["input"]["transcription"] == {"model": "gpt-4o-transcribe"}
    await turn(bench)
    assert bench.only(f"{NAME}.completed")["transcript"] == "Hello."
    assert bench.of("response.created") == []
    (refused,) = await bench.send("response.create")
    assert refused["error"]["code"] == "invalid_parameter"
    (refused,) = await bench.update()
    assert refused["error"]["message"].startswith("Passing a realtime session update event to a transcription session")
    vad = {"transcription": {"model": "gpt-realtime-whisper"}, "turn_detection": {"type": "server_vad"}}
    (refused,) = await bench.send("session.update", session={"type": "transcription", "audio": {"input": vad}})
    assert refused["error"]["param"] == "session.audio.input.turn_detection"
