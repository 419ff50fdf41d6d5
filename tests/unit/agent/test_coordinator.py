"""The rules of tool calls and responses, one by one."""

from __future__ import annotations

from typing import Any, Self

from mod_openai_realtime.agent import actions as a
from mod_openai_realtime.agent.coordinator import ANSWER_S, ATTEMPTS, CREATE_S, MAX_UNANSWERED, Coordinator

OK = '{"ok":true}'


class Conversation:
    """A coordinator with a session, and short words for what a server says."""

    def __init__(self, **rules: a.Rules) -> None:
        self.coordinator = Coordinator(lambda name: rules.get(name, a.Rules(15)))
        self.now = 0.0
        self.actions = self.coordinator.connected(0.0)

    @classmethod
    def with_a_call(cls) -> Self:
        """The response `r1` is over, and has called `c1`, which runs."""
        talk = cls()
        talk.created("r1")
        talk.call("r1", "c1")
        talk.done("r1")
        return talk

    def said(self, kind: str, **fields: Any) -> list[a.Action]:
        self.actions = self.coordinator.server_said({"type": kind, **fields}, self.now)
        return self.actions

    def created(self, name: str, token: str | None = None) -> list[a.Action]:
        metadata = {"agent": token} if token else None
        return self.said("response.created", response={"id": name, "metadata": metadata})

    def call(self, response: str, call_id: str, name: str = "t", **item: Any) -> list[a.Action]:
        fields = {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **item}
        return self.said("response.output_item.done", response_id=response, item=fields)

    def done(self, name: str, status: str = "completed", **fields: Any) -> list[a.Action]:
        return self.said("response.done", response={"id": name, "status": status, **fields})

    def acknowledged(self, call_id: str) -> list[a.Action]:
        return self.said("conversation.item.added", item={"type": "function_call_output", "call_id": call_id})

    def result(self, call_id: str, follow: bool | None = None) -> list[a.Action]:
        self.actions = self.coordinator.result(call_id, OK, self.now, follow=follow)
        return self.actions

    def after(self, seconds: float) -> list[a.Action]:
        self.now += seconds
        self.actions = self.coordinator.tick(self.now)
        return self.actions


def sent(actions: list[a.Action]) -> list[str]:
    """What goes to the server: types, and of outputs the call."""
    events = [action.event for action in actions if isinstance(action, a.Send)]
    return [event["item"]["call_id"] if "item" in event else event["type"] for event in events]


def token(actions: list[a.Action]) -> str:
    (found,) = [
        action.event["response"]["metadata"]["agent"]
        for action in actions
        if isinstance(action, a.Send) and action.event["type"] == "response.create"
    ]
    return str(found)


def test_a_call_runs_as_soon_as_it_is_whole_and_only_once() -> None:
    talk = Conversation()
    talk.created("r1")
    assert talk.call("r1", "c1") == [a.Run("c1", "t", "{}")]
    output = [{"type": "function_call", "call_id": "c1", "name": "t", "arguments": "{}", "status": "completed"}]
    assert talk.done("r1", output=output) == []


def test_a_call_that_only_the_end_of_a_response_tells_of_runs_too() -> None:
    talk = Conversation()
    output = [{"type": "function_call", "call_id": "c1", "name": "t", "arguments": "{}", "status": "completed"}]
    assert talk.done("r1", output=output) == [a.Run("c1", "t", "{}")]
    assert sent(talk.result("c1")) == ["c1", "response.create"]


def test_a_call_that_is_not_whole_is_none() -> None:
    talk = Conversation()
    talk.created("r1")
    assert talk.call("r1", "c1", status="incomplete") == []
    assert talk.done("r1", "cancelled") == []


def test_the_model_answers_once_all_calls_of_its_response_are_answered() -> None:
    talk = Conversation()
    talk.created("r1")
    talk.call("r1", "c1")
    talk.call("r1", "c2")
    assert sent(talk.result("c2")) == ["c2"]
    talk.done("r1")
    assert sent(talk.result("c1")) == ["c1", "response.create"]
    assert sent(talk.result("c1")) == []


def test_no_response_is_asked_for_while_the_one_that_called_is_under_way() -> None:
    talk = Conversation()
    talk.created("r1")
    talk.call("r1", "c1")
    assert sent(talk.result("c1")) == ["c1"]
    assert sent(talk.done("r1")) == ["response.create"]


def test_none_follows_where_every_tool_says_so() -> None:
    talk = Conversation(quiet=a.Rules(15, reply=False))
    talk.created("r1")
    talk.call("r1", "c1", "quiet")
    talk.call("r1", "c2")
    talk.done("r1")
    talk.result("c1")
    assert sent(talk.result("c2", follow=False)) == ["c2"]
    assert not talk.coordinator.waiting


def test_one_tool_that_wants_an_answer_is_enough() -> None:
    talk = Conversation(quiet=a.Rules(15, reply=False))
    talk.created("r1")
    talk.call("r1", "c1", "quiet")
    talk.call("r1", "c2")
    talk.done("r1")
    talk.result("c2")
    assert sent(talk.result("c1")) == ["c1", "response.create"]


def test_a_tool_past_its_time_is_stopped_and_answered() -> None:
    talk = Conversation(t=a.Rules(5))
    talk.created("r1")
    talk.call("r1", "c1")
    talk.done("r1")
    assert talk.coordinator.deadline == 5
    assert talk.after(5)[0] == a.Stop("c1", 5)
    assert sent(talk.actions) == ["c1", "response.create"]
    (output,) = [
        each.event["item"]["output"] for each in talk.actions if isinstance(each, a.Send) and "item" in each.event
    ]
    assert output == '{"error":"The tool took longer than 5 s."}'
    assert talk.result("c1") == []


def test_time_in_which_a_tool_waits_for_the_caller_or_the_switch_does_not_count() -> None:
    talk = Conversation(t=a.Rules(5, filler=True))
    talk.created("r1")
    talk.call("r1", "c1")
    talk.done("r1")
    talk.now = 4
    talk.coordinator.suspend("c1", talk.now)
    assert talk.after(60) == []
    talk.coordinator.resume("c1", talk.now)
    assert talk.after(0.5) == []
    assert talk.after(0.6)[0] == a.Stop("c1", 5)


def test_a_filler_is_wanted_once_where_a_tool_takes_longer() -> None:
    talk = Conversation(t=a.Rules(15, filler=True))
    talk.created("r1")
    talk.call("r1", "c1")
    assert talk.after(1.4) == []
    assert talk.after(0.1) == [a.Filler("c1", "t")]
    assert talk.after(1) == []


def test_where_the_server_answers_by_itself_before_the_outputs_the_follow_up_comes_after_that() -> None:
    talk = Conversation.with_a_call()
    talk.created("r2")
    assert sent(talk.result("c1")) == ["c1"]
    talk.acknowledged("c1")
    assert sent(talk.done("r2")) == ["response.create"]


def test_and_not_at_all_where_that_was_made_after_the_outputs() -> None:
    talk = Conversation.with_a_call()
    talk.said("input_audio_buffer.speech_started")
    assert sent(talk.result("c1")) == ["c1"]
    talk.said("input_audio_buffer.speech_stopped")
    talk.said("input_audio_buffer.committed")
    talk.acknowledged("c1")
    talk.created("r2")
    assert sent(talk.done("r2")) == []
    assert sent(talk.after(100)) == []


def test_the_acknowledgement_tells_which_it_was() -> None:
    talk = Conversation.with_a_call()
    talk.said("input_audio_buffer.speech_started")
    talk.result("c1")  # on its way, while the server
    talk.said("input_audio_buffer.committed")
    talk.created("r2")  # answers
    talk.done("r2")
    assert sent(talk.acknowledged("c1")) == ["response.create"]


def test_an_answer_of_the_servers_that_failed_is_none() -> None:
    talk = Conversation.with_a_call()
    talk.said("input_audio_buffer.speech_started")
    talk.result("c1")
    talk.acknowledged("c1")
    talk.said("input_audio_buffer.committed")
    talk.created("r2")
    assert sent(talk.done("r2", "failed")) == ["response.create"]


def test_a_server_that_does_not_answer_the_caller_is_asked() -> None:
    talk = Conversation.with_a_call()
    talk.said("input_audio_buffer.speech_started")
    talk.result("c1")
    talk.said("input_audio_buffer.speech_stopped")
    assert sent(talk.after(ANSWER_S)) == ["response.create"]


def test_where_the_server_never_answers_by_itself_nothing_is_waited_for() -> None:
    talk = Conversation()
    detection = {"type": "server_vad", "create_response": False}
    talk.said("session.updated", session={"audio": {"input": {"turn_detection": detection}}})
    talk.created("r1")
    talk.call("r1", "c1")
    talk.done("r1")
    talk.said("input_audio_buffer.speech_started")
    assert sent(talk.result("c1")) == ["c1", "response.create"]


def test_what_is_to_be_said_waits_for_the_response_under_way_and_comes_while_a_call_is_unanswered() -> None:
    talk = Conversation()
    talk.created("r1")
    talk.call("r1", "c1")
    assert sent(talk.coordinator.request("say-1", {"instructions": "Hello"}, 0)) == []
    assert sent(talk.done("r1")) == ["response.create"]
    assert token(talk.actions) == "say-1"
    assert talk.created("r2", "say-1") == [a.Began("say-1", "r2")]
    assert sent(talk.result("c1")) == ["c1"]
    assert talk.done("r2")[0] == a.Over("say-1", "r2", "completed")
    assert token(talk.actions).startswith("tools-")


def test_a_request_that_is_withdrawn_is_not_asked_for() -> None:
    talk = Conversation()
    talk.created("r1")
    talk.coordinator.request("say-1", None, 0)
    assert talk.coordinator.withdraw("say-1", 0) == [a.Over("say-1", None, "withdrawn")]
    assert talk.done("r1") == []


def test_a_refusal_because_of_another_response_is_tried_again_after_that() -> None:
    talk = Conversation()
    talk.coordinator.request("say-1", None, 0)
    talk.created("r1")
    error = {"code": "conversation_already_has_active_response", "event_id": "agent_1_0"}
    assert talk.said("error", error=error) == []
    assert sent(talk.done("r1")) == ["response.create"]


def test_another_refusal_is_tried_again_and_then_told() -> None:
    talk = Conversation()
    actions = talk.coordinator.request("say-1", None, 0)
    for _ in range(ATTEMPTS - 1):
        (event,) = [each.event for each in actions if isinstance(each, a.Send)]
        assert talk.said("error", error={"message": "no", "event_id": event["event_id"]}) == []
        actions = talk.after(1)
    (event,) = [each.event for each in actions if isinstance(each, a.Send)]
    assert talk.said("error", error={"message": "no", "event_id": event["event_id"]}) == [
        a.Over("say-1", None, "refused", "no")
    ]


def test_a_request_that_nothing_answers_is_given_up() -> None:
    talk = Conversation()
    talk.coordinator.request("say-1", None, 0)
    actions: list[a.Action] = []
    for _ in range(10):
        actions += talk.after(CREATE_S)
    assert actions[-1] == a.Over("say-1", None, "refused", "no answer")
    assert talk.coordinator.deadline is None


def test_the_outputs_of_calls_of_a_lost_connection_go_with_their_calls_to_the_next() -> None:
    talk = Conversation()
    talk.created("r1")
    talk.call("r1", "c1")
    talk.call("r1", "c2")
    talk.done("r1")
    talk.result("c1")
    talk.acknowledged("c1")
    assert talk.coordinator.lost(0) == []
    assert talk.result("c2") == []
    actions = talk.coordinator.connected(0)
    items = [each.event["item"]["type"] for each in actions if isinstance(each, a.Send) and "item" in each.event]
    assert items == ["function_call", "function_call_output"]
    assert sent(actions) == ["c2", "c2", "response.create"]


def test_what_was_asked_for_in_vain_is_asked_for_in_the_next_session() -> None:
    talk = Conversation()
    talk.coordinator.request("say-1", None, 0)
    assert talk.coordinator.lost(0) == []
    assert token(talk.coordinator.connected(0)) == "say-1"


def test_a_response_that_the_connection_took_with_it_is_over() -> None:
    talk = Conversation()
    talk.coordinator.request("say-1", None, 0)
    talk.created("r1", "say-1")
    assert talk.coordinator.lost(0) == [a.Over("say-1", "r1", "lost")]
    assert talk.coordinator.connected(0) == []


def test_calls_past_the_limit_are_answered_at_once() -> None:
    talk = Conversation()
    talk.created("r1")
    for index in range(MAX_UNANSWERED):
        talk.call("r1", f"c{index}")
    assert sent(talk.call("r1", "one too many")) == ["one too many"]
    assert len(talk.coordinator.unanswered) == MAX_UNANSWERED


def test_servers_may_use_ids_again() -> None:
    talk = Conversation()
    talk.created("r")
    talk.call("r", "c1")
    talk.done("r")
    assert sent(talk.result("c1")) == ["c1", "response.create"]
    follow = token(talk.actions)
    talk.created("r", follow)
    talk.call("r", "c2")
    talk.done("r")
    assert sent(talk.result("c2")) == ["c2", "response.create"]


def test_a_server_that_gives_no_metadata_back_is_recognised_after_one_doubt() -> None:
    talk = Conversation()
    talk.coordinator.request("say-1", None, 0)
    talk.created("r1")
    assert talk.done("r1") == []
    assert talk.after(2) == [a.Began("say-1", "r1"), a.Over("say-1", "r1", "completed")]
    talk.coordinator.request("say-2", None, talk.now)
    assert talk.created("r2") == [a.Began("say-2", "r2")]
    assert talk.done("r2") == [a.Over("say-2", "r2", "completed")]


def test_strange_messages_change_nothing() -> None:
    talk = Conversation()
    for event in (
        {}, {"type": 5}, {"type": "response.created"}, {"type": "response.created", "response": 7},
        {"type": "response.done", "response": {"id": [], "output": 5, "status": {}}}, {"type": "error"},
        {"type": "response.output_item.done", "item": {"type": "function_call", "call_id": 5}},
        {"type": "session.updated", "session": {"audio": {"input": 5}}}, {"type": "conversation.item.added"},
    ):  # fmt: skip
        talk.coordinator.server_said(event, 0)
    assert talk.coordinator.unanswered == []


def test_a_server_that_acknowledges_nothing_counts_as_having_known_what_was_sent_before() -> None:
    talk = Conversation.with_a_call()
    talk.said("input_audio_buffer.speech_started")
    talk.result("c1")
    talk.said("input_audio_buffer.committed")
    talk.created("r2")
    assert sent(talk.done("r2")) == []
    assert sent(talk.after(100)) == []
    assert not talk.coordinator.waiting
