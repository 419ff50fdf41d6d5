"""The model of a call as a test scripts it, in a session that behaves as an agent's does."""

from collections.abc import Callable
from typing import Any

import pytest

from mod_openai_realtime.local.agent import FunctionCall
from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.scripted_model import ScriptedModel

MakeBench = Callable[..., Any]
ONE_PIECE = Behaviour(pacing=Pacing(speed=None))
HOURS = {"type": "function", "name": "opening_hours", "parameters": {"type": "object"}}


async def turn(bench: Any) -> None:
    await bench.hear(500, 8000)
    await bench.hear(800)


def said(bench: Any) -> list[str]:
    return [event["transcript"] for event in bench.of("response.output_audio_transcript.done")]


async def test_a_call_as_a_test_tells_it(make_bench: MakeBench) -> None:
    model = ScriptedModel()
    bench = make_bench(agent=model, behaviour=ONE_PIECE)
    transcription = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
    await bench.update(instructions="You answer the phone.", tools=[HOURS], audio=transcription)
    await bench.send("response.create", response={"instructions": "Say good morning, name the bakery."})
    assert said(bench) == ["Say good morning, name the bakery."]
    model.will_hear("When are you open?").will_call("opening_hours", day="monday").will_say("From seven to six.")
    await turn(bench)
    name = "conversation.item.input_audio_transcription.completed"
    assert bench.only(name)["transcript"] == "When are you open?"
    call = bench.only("response.function_call_arguments.done")
    assert (call["name"], call["arguments"]) == ("opening_hours", '{"day":"monday"}')
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"opens": "07:00"}'}
    await bench.send("conversation.item.create", item=output)
    # An aside of the agent's own takes nothing from the script.
    await bench.send("response.create", response={"instructions": "One moment, please."})
    await bench.send("response.create")
    assert said(bench)[1:] == ["One moment, please.", "From seven to six."]
    assert model.turns_left == 0
    assert model.contexts[1].said == "When are you open?"
    assert model.contexts[3].results[0].output == '{"opens": "07:00"}'


async def test_what_no_script_foresees_is_the_words_of_the_instructions(make_bench: MakeBench) -> None:
    bench = make_bench(agent=ScriptedModel(), behaviour=ONE_PIECE)
    await bench.update(instructions="You answer the phone.")
    await turn(bench)
    assert said(bench) == ["You answer the phone."]


async def test_rules_go_before_the_turns_and_bring_theirs_along(make_bench: MakeBench) -> None:
    model = ScriptedModel().will_hear("On Monday?", "And on Sunday?").will_say("Closed.")
    model.when(words="monday").will_call("opening_hours").will_say("From seven.")
    bench = make_bench(agent=model, behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS])
    await turn(bench)
    assert bench.only("response.function_call_arguments.done")["name"] == "opening_hours"
    await bench.send("response.create")
    await turn(bench)
    assert said(bench) == ["From seven.", "Closed."]
    with pytest.raises(ValueError, match="when has no word"):
        model.when(word="x")


async def test_several_calls_may_be_in_one_response(make_bench: MakeBench) -> None:
    model = ScriptedModel().will_call_all(FunctionCall("opening_hours"), FunctionCall("opening_hours"))
    bench = make_bench(agent=model, behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS])
    await bench.send("response.create")
    assert len(bench.only("response.done")["response"]["output"]) == 2


async def test_a_new_session_goes_on_with_the_script(make_bench: MakeBench) -> None:
    model = ScriptedModel().will_say("one").will_say("two")
    first, second = make_bench(agent=model, behaviour=ONE_PIECE), make_bench(agent=model, behaviour=ONE_PIECE)
    await first.send("response.create")
    await second.send("response.create")
    assert (said(first), said(second)) == (["one"], ["two"])
