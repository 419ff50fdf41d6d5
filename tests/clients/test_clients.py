"""Other people's clients talk to the local endpoint: a greeting, a tool, a barge-in with truncation, a closing word."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import official_types
import pytest
from clients import conversation

Converse = Callable[..., Any]


@dataclass(frozen=True)
class Client:
    environment: str
    script: str
    tls: bool = False
    """It speaks TLS only."""
    harmless: frozenset[str] = frozenset()
    """Codes of errors that the service answers it with as well, and that it is made for."""


CLIENTS = {
    "python-sdk": Client("python-sdk", "python_sdk.py"),
    "python-sdk-push-to-talk": Client("python-sdk", "push_to_talk.py"),
    "agents-python": Client("agents-python", "agents_python.py"),
    "pipecat": Client("pipecat", "pipecat_client.py"),
    # It cancels what it knows to be active when it hears that the caller speaks; by then the server has done so itself.
    "livekit": Client("livekit", "livekit_client.py", harmless=frozenset({"response_cancel_not_active"})),
    "node-sdk": Client("node-sdk", "node_sdk.mjs", tls=True),
    "node-sdk-as-in-a-browser": Client("node-sdk", "browser_sdk.mjs", tls=True),
    "ws-with-subprotocols": Client("node-sdk", "ws_subprotocol.mjs"),
    "agents-node": Client("agents-node", "agents_node.mjs"),
}

PACES = {"ahead of the ear": 20.0, "in real time": 1.0}
"""How fast the endpoint sends an answer: all of it before the caller interrupts, or still sending then."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_conversation(client: str, pace: str, converse: Converse) -> None:
    tried = CLIENTS[client]
    outcome = converse(tried.environment, tried.script, PACES[pace], tls=tried.tls)
    _check_what_the_client_saw(outcome)
    # what the endpoint saw
    (connection,) = outcome.connections
    for event in connection["sent"]:
        official_types.check_server_event(event)
    assert {event["error"]["code"] for event in outcome.sent("error")} <= tried.harmless
    outputs = [event["item"] for event in outcome.received("conversation.item.create") if "output" in event["item"]]
    assert [json.loads(item["output"]) for item in outputs] == [conversation.TOOL_RESULT]
    done = [event["response"] for event in outcome.sent("response.done")]
    interrupted = "completed" if pace == "ahead of the ear" else "cancelled"
    assert [response["status"] for response in done] == ["completed", "completed", interrupted, "completed"]
    _check_truncation(outcome, done[2]["output"][0]["id"])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", ["agents-python", "pipecat", "livekit", "agents-node"])
def test_a_tool_that_fails(client: str, converse: Converse) -> None:
    """What a framework answers for a function that raised: the endpoint takes it, and the conversation goes on."""
    tried = CLIENTS[client]
    outcome = converse(tried.environment, tried.script, PACES["ahead of the ear"], tls=tried.tls, tool_fails=True)
    assert outcome.client["heard"], outcome.output
    assert outcome.client["heard"][-1]["text"].strip() == conversation.CLOSING, outcome.client
    assert {event["error"]["code"] for event in outcome.sent("error")} <= tried.harmless
    (output,) = (each["item"]["output"] for each in outcome.received("conversation.item.create"))
    assert output


@pytest.mark.timeout(900)
@pytest.mark.parametrize("audio_format", [conversation.PCMU, conversation.PCMA])
@pytest.mark.parametrize("client", ["python-sdk", "agents-python"])
def test_a_conversation_in_g711(client: str, audio_format: str, converse: Converse) -> None:
    tried = CLIENTS[client]
    outcome = converse(tried.environment, tried.script, PACES["in real time"], audio_format=audio_format)
    _check_what_the_client_saw(outcome)
    session = outcome.sent("session.updated")[-1]["session"]["audio"]
    assert [session[way]["format"]["type"] for way in ("input", "output")] == [audio_format, audio_format]
    (truncation,) = outcome.received("conversation.item.truncate")
    assert 1000 < truncation["audio_end_ms"] < 6000


@pytest.mark.timeout(900)
def test_what_else_the_agents_of_node_do(converse: Converse) -> None:
    """Messages, a handoff, a picture, an interruption by the application, an MCP server's tool, a changed history."""
    outcome = converse("agents-node", "agents_node_office.mjs", PACES["in real time"], says="office")
    report = outcome.client
    assert report, outcome.output
    assert (report["errors"], report["log"]) == ([], [])
    said = [each["text"] for each in report["heard"]]
    interrupted = said.pop(3)
    assert said == [
        "I put you through.",
        "This is the expert.",
        "I see a picture.",
        "The wiki says forty two.",
        "Goodbye.",
    ]
    assert conversation.ANSWER.startswith(interrupted)
    assert report["tools"] == [
        {"name": "handoff", "arguments": ["desk", "expert"]},
        {"name": "approval", "arguments": "ask"},
    ]
    history = [item["text"] for item in report["history"] if item.get("role") == "user"]
    assert history[-3:] == ["Tell me when you are open.", "Ask the wiki.", "Goodbye"]
    assert "Hello" not in history
    for event in outcome.connections[-1]["sent"]:
        official_types.check_server_event(event)
    assert outcome.sent("error") == []
    done = [event["response"]["status"] for event in outcome.sent("response.done")]
    assert done == ["completed", "completed", "completed", "cancelled", "completed", "completed", "completed"]
    assert len(outcome.sent("conversation.item.truncated")) == len(outcome.sent("conversation.item.deleted")) == 1


@pytest.mark.timeout(900)
def test_what_else_the_agents_of_python_do(converse: Converse) -> None:
    """Messages, a handoff, a picture, an interruption by the application, which truncates before it cancels."""
    outcome = converse("agents-python", "agents_python_desk.py", PACES["in real time"], says="desk")
    report = outcome.client
    assert report, outcome.output
    assert (report["errors"], report["log"]) == ([], [])
    said = [each["text"] for each in report["heard"]]
    interrupted = said.pop(3)
    assert said == ["I put you through.", "This is the expert.", "I see a picture.", "Goodbye."]
    assert conversation.ANSWER.startswith(interrupted)
    assert report["tools"] == [{"name": "handoff", "arguments": ["desk", "expert"]}]
    assert report["interruptions"]
    for event in outcome.connections[-1]["sent"]:
        official_types.check_server_event(event)
    assert outcome.sent("error") == []
    done = [event["response"]["status"] for event in outcome.sent("response.done")]
    assert done == ["completed", "completed", "completed", "cancelled", "completed"]
    assert len(outcome.sent("conversation.item.truncated")) == 1


@pytest.mark.timeout(900)
def test_what_else_livekit_does(converse: Converse) -> None:
    """Text, instructions and tools that change, a conversation that is changed, an interruption by the application."""
    outcome = converse("livekit", "livekit_notes.py", PACES["in real time"], says="notes")
    report = outcome.client
    assert report, outcome.output
    assert (report["errors"], report["log"]) == ([], [])
    history = [(item["role"], item["text"]) for item in report["history"]]
    assert history[:4] == [
        ("assistant", "Hello there."),
        ("system", "The caller is called Ann."),
        ("user", "What time is it?"),
        ("assistant", "It is noon."),
    ]
    assert history[-2:] == [("user", "Goodbye"), ("assistant", "Goodbye.")]
    for event in outcome.connections[-1]["sent"]:
        official_types.check_server_event(event)
    # It cancels twice.
    assert {event["error"]["code"] for event in outcome.sent("error")} <= CLIENTS["livekit"].harmless
    done = [event["response"]["status"] for event in outcome.sent("response.done")]
    assert done == ["completed", "completed", "cancelled", "completed"]
    assert len(outcome.sent("conversation.item.truncated")) == len(outcome.sent("conversation.item.deleted")) == 1


@pytest.mark.timeout(900)
def test_an_endpoint_from_the_command_line(converse_by_command: Converse) -> None:
    _check_what_the_client_saw(converse_by_command("python-sdk", "python_sdk.py", "--workers", "2"))


def _check_what_the_client_saw(outcome: Any) -> None:
    report = outcome.client
    assert report, outcome.output
    assert report["errors"] == [], outcome.output
    assert report["log"] == []
    greeting, answer, closing = report["heard"]
    assert greeting["text"].strip() == conversation.GREETING
    assert closing["text"].strip() == conversation.CLOSING
    assert conversation.ANSWER.startswith(answer["text"].strip())
    assert min(each["audio_ms"] for each in report["heard"]) > 1000
    assert report["tools"] == [{"name": conversation.TOOL_NAME, "arguments": conversation.TOOL_ARGUMENTS}]
    assert report["interruptions"] == 1
    assert report["caller"] == conversation.TRANSCRIPTS


def _check_truncation(outcome: Any, item_id: str) -> None:
    """The client told how much of the answer was heard, and the endpoint has cut the answer there."""
    (asked,) = outcome.received("conversation.item.truncate")
    assert asked["item_id"] == item_id
    assert 1000 < asked["audio_end_ms"] < 6000
    (told,) = outcome.sent("conversation.item.truncated")
    assert told["audio_end_ms"] == asked["audio_end_ms"]
