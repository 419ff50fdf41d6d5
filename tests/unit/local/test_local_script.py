"""Scripts with conditions: which turn is the right one, and what is wrong in a script."""

from pathlib import Path
from typing import Any

import pytest

from mod_openai_realtime.local.agent import Context, McpCall, Result, Script, ScriptError, ScriptModel, Turn
from mod_openai_realtime.local.script import transcripts_from_file


def context(**known: Any) -> Context:
    return Context(
        **{"number": 1, "items": [], "instructions": "Be brief.", "heard": None, "heard_rate": 24000, **known}
    )


async def answers(agent: ScriptModel, *contexts: Context) -> list[str]:
    made = [await agent.answer(each) for each in contexts]
    return [turn.text for turn in made]


async def test_words_are_compared_whole_in_any_case_without_punctuation() -> None:
    agent = ScriptModel(Script.from_json([{"when": {"words": ["open", "Monday's"]}, "say": "yes"}, "no"]))
    said = ["Is MONDAY'S shop open?", "reopen on monday's", "open, monday", "open... monday’s", None]
    expected = ["yes", "no", "no", "no", "no"]
    assert await answers(agent, *(context(said=each) for each in said)) == expected


async def test_a_phrase_stays_together_and_one_of_several_will_do() -> None:
    rules = [{"when": {"words": "good bye"}, "say": "a"}, {"when": {"any_words": ["bye", "so long"]}, "say": "b"}, "c"]
    agent = ScriptModel(Script.from_json(rules))
    said = ["Good bye!", "bye, good man", "So long.", "so very long"]
    assert await answers(agent, *(context(said=each) for each in said)) == ["a", "b", "b", "c"]


async def test_all_conditions_must_hold() -> None:
    rule = {"when": {"words": "monday", "turn": [2, 3]}, "say": "yes"}
    agent = ScriptModel(Script.from_json([rule, "no"]))
    made = await answers(agent, *(context(said="monday", turn=number) for number in (1, 2, 3, 4)))
    assert made == ["no", "yes", "yes", "no"]


async def test_results_and_instructions_are_conditions_too() -> None:
    rules = [
        {"when": {"result": {"of": "hours", "contains": "07:00"}}, "say": "Early."},
        {"when": {"result": "hours"}, "say": "Late."},
        {"when": {"instructions": "greet"}, "say": "Hello."},
        "Well.",
    ]
    agent = ScriptModel(Script.from_json(rules))
    early, late, other = Result("hours", '{"opens": "07:00"}'), Result("hours", "{}"), Result("other", "07:00")
    asked = [context(results=[early]), context(results=[late]), context(results=[other]), context(asked="Greet them.")]
    assert await answers(agent, *asked) == ["Early.", "Late.", "Well.", "Hello."]


async def test_the_others_go_in_a_circle_and_once_is_once() -> None:
    agent = ScriptModel(Script.from_json(["a", {"when": {"words": "x"}, "say": "x", "once": True}, "b"]))
    assert await answers(agent, *(context(said="x") for _ in range(4))) == ["x", "a", "b", "a"]


async def test_a_script_of_rules_alone_says_its_instructions_otherwise() -> None:
    agent = ScriptModel(Script.from_json([{"when": {"words": "x"}, "say": "x"}]))
    assert await answers(agent, context(), context(asked="Say good morning.")) == ["Be brief.", "Say good morning."]


def test_only_words_are_waited_for() -> None:
    assert not Script.from_json([{"when": {"turn": 1}, "say": "x"}]).wants_words
    assert Script.from_json([{"when": {"any_words": "a"}, "say": "x"}]).wants_words


def test_a_script_may_be_yaml(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(
        "greeting: Hello.\n"
        "transcripts: [Hi.]\n"
        "mcp: {wiki: [ask, {name: find, description: finds, schema: {type: object}}]}\n"
        "turns:\n"
        "  - One.\n"
        "  - when: {turn: 2}\n"
        "    mcp: {server: wiki, name: ask, arguments: {q: bread}, output: '42', approval: true}\n",
        encoding="utf-8",
    )
    script = Script.from_file(file)
    assert (script.greeting, script.turns, script.transcripts) == (Turn("Hello."), (Turn("One."),), ("Hi.",))
    assert [tool["name"] for tool in script.mcp["wiki"]] == ["ask", "find"]
    assert script.rules[0].turn.calls == (McpCall("wiki", "ask", '{"q": "bread"}', "42", None, True),)
    assert script.texts == ["Hello.", "One."]


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"when": {}, "say": "x"}, "when is an object of words"),
        ({"when": "monday", "say": "x"}, "when is an object of words"),
        ({"when": {"word": "x"}, "say": "x"}, "when has no word; it has words"),
        ({"when": {"words": True}, "say": "x"}, "words is a text or a list of texts"),
        ({"when": {"words": []}, "say": "x"}, "words is a text or a list of texts"),
        ({"when": {"turn": 0}, "say": "x"}, "turn is a number of the caller's turns"),
        ({"when": {"turn": "1"}, "say": "x"}, "turn is a number of the caller's turns"),
        ({"when": {"result": 5}, "say": "x"}, "result is a function's name"),
        ({"when": {"result": {"contains": "x"}}, "say": "x"}, "result is a function's name"),
        ({"when": {"turn": 1}}, "is neither a text nor an object"),
        ({"say": "x", "once": True}, "once belongs to a turn with `when`"),
        ({"when": {"turn": 1}, "say": "x", "once": 1}, "once is true or false"),
        ({"say": "x", "sing": "y"}, "a turn has no sing; it has say"),
        ({"mcp": {"name": "x"}}, "mcp is an object with server and name"),
        ({"mcp": {"server": "x", "name": "y", "output": 5}}, "output and error of y are texts"),
        ({"mcp": {"server": "x", "name": "y", "approval": "no"}}, "approval of y is true or false"),
    ],
)
def test_a_mistake_is_told_with_its_place(turn: Any, said: str) -> None:
    with pytest.raises(ScriptError, match=r"^turns\[1\]") as caught:
        Script.from_json(["fine", turn])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"turns": ["x"], "colour": 1}, "but no colour"),
        ({"turns": ["x"], "transcripts": "Hello."}, "transcripts: what the caller says is a list"),
        ({"turns": ["x"], "mcp": ["wiki"]}, "mcp: an object of the servers' labels"),
        ({"turns": ["x"], "mcp": {"wiki": [5]}}, "mcp.wiki: a tool is its name"),
        ({"turns": ["x"], "greeting": {"say": "x", "when": {"turn": 1}}}, "greeting: it has no `when`"),
    ],
)
def test_a_mistake_outside_the_turns_is_told_too(script: Any, said: str) -> None:
    with pytest.raises(ScriptError) as caught:
        Script.from_json(script)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", ["a: [", "a: b: c", "\x00", "turns: !!python/object:os.system {}"])
def test_what_is_no_yaml_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ScriptError, match=r"script\.yaml is no YAML"):
        Script.from_file(file)


def test_dates_of_yaml_are_no_arguments(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text("- call: {name: f, arguments: {day: 2026-11-29}}\n", encoding="utf-8")
    with pytest.raises(ScriptError, match=r"script\.yaml: turns\[0\]: the arguments of f are not JSON"):
        Script.from_file(file)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", "Hello.\n\n  Bye. \n"), ("a.json", '["Hello.", "Bye."]'), ("a.yml", "[Hello., Bye.]")],
)
def test_transcripts_come_from_a_file(tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    assert transcripts_from_file(file) == ("Hello.", "Bye.")


@pytest.mark.parametrize(("name", "content"), [("a.txt", b""), ("a.txt", b"\xff"), ("a.json", b"[]"), ("a.json", b"{")])
def test_a_file_without_transcripts_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ScriptError, match=name):
        transcripts_from_file(file)
