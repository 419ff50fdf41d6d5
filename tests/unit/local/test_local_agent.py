import json
from pathlib import Path
from typing import Any

import pytest

from mod_openai_realtime.local.agent import Context, FunctionCall, Script, ScriptError, ScriptModel, Turn, new_model
from mod_openai_realtime.local.sounds import Tone

USER = {"type": "message", "role": "user", "content": []}


def context(number: int, *items: dict[str, Any]) -> Context:
    return Context(number, items, "", None, 24000)


async def test_a_script_greets_once_and_goes_in_a_circle() -> None:
    agent = ScriptModel(Script.from_json({"greeting": "hi", "turns": ["a", "b"]}))
    said = [(await agent.answer(context(number))).text for number in range(4)]
    assert said == ["hi", "a", "b", "a"]


async def test_a_user_who_speaks_first_is_not_greeted() -> None:
    agent = ScriptModel(Script.from_json({"greeting": "hi", "turns": ["a"]}))
    assert (await agent.answer(context(0, USER))).text == "a"


def test_a_turn_may_be_a_tone_or_a_call() -> None:
    script = Script.from_json(
        [{"tone_hz": 440, "ms": 2000}, {"tone_hz": 400}, {"say": "x", "call": {"name": "f", "arguments": {"a": 1}}}]
    )
    assert script.turns[0].tone == Tone(440, 2000)
    assert script.turns[1].tone == Tone(400, None)
    assert script.turns[2] == Turn(text="x", calls=(FunctionCall("f", '{"a": 1}'),))


@pytest.mark.parametrize(
    "value",
    [
        *(None, [], {}, "text", [1], [{}], {"turn": ["a"]}, {"turns": "abc"}, {"turns": {}}),
        *([{"tell": "x"}], [{"say": ["x"]}]),
        *([{"tone_hz": "high"}], [{"tone_hz": 0}], [{"tone_hz": True}], [{"tone_hz": 440.5}]),
        *([{"tone_hz": 440, "ms": -1}], [{"tone_hz": 440, "ms": "1"}], [{"tone_hz": 440, "level": 2}], [{"ms": 5}]),
        *([{"call": {}}], [{"call": 5}], [{"call": {"name": 1}}], [{"call": {"name": "f", "arguments": "{}"}}]),
    ],
)
def test_what_is_no_script_is_refused_with_what_is_wrong(value: Any) -> None:
    with pytest.raises(ScriptError, match=r"^(a script has|turns\[0\])"):
        Script.from_json(value)


def test_a_script_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    file.write_text(json.dumps(["a"]), encoding="utf-8")
    assert Script.from_file(file).turns == (Turn("a"),)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_json_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "agent.json"
    file.write_bytes(content)
    with pytest.raises(ScriptError, match=r"agent\.json is no JSON in UTF-8"):
        Script.from_file(file)


async def test_a_function_may_answer_with_a_text_or_later() -> None:
    async def later(asked: Context) -> Turn:
        return Turn(text=f"answer {asked.number}")

    assert await new_model(lambda asked: "text").answer(context(0)) == Turn("text")
    assert await new_model(later).answer(context(3)) == Turn("answer 3")
