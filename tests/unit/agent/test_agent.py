"""What an agent's class may say."""

from __future__ import annotations

from typing import Any

import pytest

from mod_openai_realtime.agent import Agent, AgentError, Call, tool
from mod_openai_realtime.agent.agent import check_agent, tools_of
from mod_openai_realtime.agent.session import plan_of, session_of
from mod_openai_realtime.conversation.session_wishes import merged


class Plain(Agent):
    instructions = "Be brief."


def session(agent: Agent) -> dict[str, Any]:
    return session_of(agent, agent.instructions, tools_of(type(agent)).values())


def test_what_is_unset_is_left_to_the_api_but_for_transcription() -> None:
    assert session(Plain()) == {
        "type": "realtime",
        "instructions": "Be brief.",
        "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}},
        "tools": [],
    }


def test_none_is_not_unset() -> None:
    class Silent(Plain):
        transcription = None
        turn_detection = None
        noise_reduction = None

    listening = session(Silent())["audio"]["input"]
    assert listening == {"transcription": None, "turn_detection": None, "noise_reduction": None}


def test_what_the_class_says_and_the_constructor_overrides() -> None:
    class Loud(Plain):
        voice = "marin"
        turn_detection = {"type": "semantic_vad", "eagerness": "low"}  # noqa: RUF012

    assert session(Loud())["audio"]["output"] == {"voice": "marin"}
    assert session(Loud())["audio"]["input"]["turn_detection"] == {"type": "semantic_vad", "eagerness": "low"}
    agent = Loud(voice="cedar", instructions="Shout.", tool_timeout_s=3)
    assert session(agent)["audio"]["output"] == {"voice": "cedar"}
    assert (agent.instructions, agent.tool_timeout_s, Loud.voice) == ("Shout.", 3, "marin")


def test_the_session_dict_is_merged_over_all_of_it_and_its_tools_come_beside_the_agents() -> None:
    server = {"type": "mcp", "server_label": "crm", "server_url": "https://crm.example"}

    class Full(Plain):
        voice = "marin"
        session = {  # noqa: RUF012
            "audio": {"output": {"speed": 1.2}, "input": {"transcription": {"model": "whisper-1"}}},
            "truncation": "disabled",
            "tools": [server],
        }

        @tool
        async def go(self) -> None: ...

    full = session(Full())
    assert full["audio"]["output"] == {"voice": "marin", "speed": 1.2}
    assert full["audio"]["input"]["transcription"] == {"model": "whisper-1"}
    assert full["truncation"] == "disabled"
    assert [each.get("name", each["type"]) for each in full["tools"]] == ["go", "mcp"]
    assert merged(full, {}) == full


@pytest.mark.parametrize("policy", ["off", "confirm"])
def test_where_the_engine_decides_about_barge_in_the_server_does_not(policy: Any) -> None:
    agent = Plain(barge_in=policy)
    assert session(agent)["audio"]["input"]["turn_detection"] == {"type": "server_vad", "interrupt_response": False}
    agent = Plain(barge_in=policy, turn_detection={"type": "semantic_vad"})
    assert session(agent)["audio"]["input"]["turn_detection"]["interrupt_response"] is False
    agent = Plain(barge_in=policy, turn_detection=None)
    assert session(agent)["audio"]["input"]["turn_detection"] is None


def test_the_plan() -> None:
    agent = Plain(url="wss://x.example/v1/realtime", model="m", key="variable:my_key", record="a.wav", audio="pcmu")
    plan = plan_of(agent, {"type": "realtime"})
    assert (plan.url, plan.model, plan.key) == ("wss://x.example/v1/realtime", "m", "variable:my_key")
    assert (plan.record, plan.audio, plan.connect_timeout_s, plan.failure_prompt) == ("a.wav", "pcmu", 10.0, None)
    assert plan_of(Plain(), {}).url is None


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("key", "sk-1234567890", "key: a key is never written in code"),
        ("key", "env:", "key: a key is never written in code"),
        ("url", "https://x", "url: expected `str` matching regex"),
        ("digits", "yes", "digits: invalid enum value 'yes'"),
        ("barge_in", None, "barge_in: expected `str`, got `null`"),
        ("tool_timeout_s", 0, "tool_timeout_s: expected `float` > 0"),
        ("tool_timeout_s", "15", "tool_timeout_s: expected `float`, got `str`"),
        ("silence_s", -1, "silence_s: expected `float` > 0"),
        ("turn_detection", "server_vad", "turn_detection: expected `object | null`, got `str`"),
        ("session", None, "session: expected `object`, got `null`"),
        ("instructions", 5, "instructions: a text, or a method"),
        ("connect_timeout_s", 301, "connect_timeout_s: expected `float` <= 300"),
    ],
)
def test_an_attribute_that_cannot_be(name: str, value: Any, reason: str) -> None:
    with pytest.raises(AgentError) as caught:
        type("Bad", (Plain,), {name: value})
    assert reason in str(caught.value) and "Bad" in str(caught.value)
    assert "sk-" not in str(caught.value)
    with pytest.raises(AgentError) as caught:
        Plain(**{name: value})
    assert reason in str(caught.value)


def test_a_setting_that_there_is_not() -> None:
    with pytest.raises(AgentError, match="Plain: voise: there is no such setting"):
        Plain(voise="marin")  # type: ignore[call-arg]


def test_instructions_may_be_a_method_and_hooks_are_async() -> None:
    class Asked(Agent):
        async def instructions(self, call: Call) -> str:
            return f"Greet {call.caller_name}."

    check_agent(Asked)
    with pytest.raises(AgentError, match=r"on_start \(test_agent.py, line \d+\): on_start has to be `async def`"):

        class Sync(Plain):
            def on_start(self, call: Call) -> None:  # type: ignore[override]
                pass


def test_what_is_asked_of_a_whole_class() -> None:
    class Nothing(Agent):
        pass

    with pytest.raises(AgentError, match="it has no instructions"):
        check_agent(Nothing)

    class Wants(Plain):
        def __init__(self, shop: str) -> None:
            super().__init__()

    with pytest.raises(AgentError, match="made without arguments"):
        check_agent(Wants)


def test_an_agent_with_a_constructor_of_its_own_need_not_call_the_base() -> None:
    class Own(Plain):
        def __init__(self) -> None:
            self.orders = 0

    check_agent(Own)
    assert session(Own())["instructions"] == "Be brief."
