"""A model of a Realtime server and its connection, for the coordinator: messages of both sides are on their way for as
long as the one who draws wants, and a lost connection takes them with it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ModelResponse:
    id: str
    token: str | None
    calls: list[str] = field(default_factory=list)
    follows: list[str] = field(default_factory=list)
    """Ids of the responses whose tools' outputs were all known when it was made, and unanswered."""
    told: bool = False
    """The client knows that it was made."""
    end_told: bool = False
    over: bool = False


@dataclass
class ModelServer:
    echoes: bool = True
    """Gives the metadata of a response back."""
    acknowledges: bool = True
    names_errors: bool = True
    items: list[tuple[str, str]] = field(default_factory=list)
    """`call` or `output`, and the call's id."""
    to_client: deque[dict[str, Any]] = field(default_factory=deque)
    to_server: deque[dict[str, Any]] = field(default_factory=deque)
    active: ModelResponse | None = None
    responses: list[ModelResponse] = field(default_factory=list)
    speaking: bool = False
    answer_due: bool = False
    refuse: int = 0
    """So many `response.create` are refused for a reason of the server's own."""
    faults: list[str] = field(default_factory=list)
    told_calls: set[str] = field(default_factory=set)
    known: dict[str, set[str]] = field(default_factory=dict)
    """Of each `response.create`: the responses that the client knew of when it sent it."""

    # -- stimuli

    def speech_starts(self) -> None:
        if not self.speaking:
            self.speaking = True
            self.to_client.append({"type": "input_audio_buffer.speech_started"})
            self.end_response("cancelled")

    def speech_stops(self) -> None:
        if self.speaking:
            self.speaking, self.answer_due = False, True
            self.to_client.append({"type": "input_audio_buffer.speech_stopped"})
            self.to_client.append({"type": "input_audio_buffer.committed"})

    def answers(self) -> None:
        """By itself, to what the caller has said."""
        if self.answer_due and self.active is None:
            self.answer_due = False
            self._create(None)

    def calls(self) -> None:
        """The response under way calls a tool."""
        if self.active is not None:
            call_id = f"call_{sum(len(each.calls) for each in self.responses)}"
            self.active.calls.append(call_id)
            self.items.append(("call", call_id))
            item = {"type": "function_call", "call_id": call_id, "name": "tool", "arguments": "{}"}
            self.to_client.append({"type": "response.output_item.done", "response_id": self.active.id, "item": item})

    def end_response(self, status: str) -> None:
        response, self.active = self.active, None
        if response is None:
            return
        response.over = True
        if status == "failed" and response.token is None:
            response.follows.clear()  # one that was asked for is not asked for again
        self.to_client.append({"type": "response.done", "response": {"id": response.id, "status": status}})

    def drop(self) -> None:
        """The connection is lost. What is not known to the client did not happen."""
        for response in self.responses:
            own = response.token is not None and self.echoes
            if not (response.told if own else response.end_told):
                response.follows.clear()
            response.over = True
            response.calls = [call for call in response.calls if call in self.told_calls]
        self.active = None
        self.speaking = self.answer_due = False
        self.to_client.clear()
        self.to_server.clear()

    def restore(self, items: list[tuple[str, str]]) -> None:
        """A new session, of what the client knows."""
        self.items = list(items)

    # -- messages

    def work(self) -> None:
        """Takes one message of the client."""
        if not self.to_server:
            return
        event = self.to_server.popleft()
        if event["type"] == "response.create":
            self._asked(event)
            return
        item = event["item"]
        kind = "call" if item["type"] == "function_call" else "output"
        entry = (kind, item["call_id"])
        if entry in self.items:
            self.faults.append(f"{entry} twice")
        if kind == "output" and ("call", item["call_id"]) not in self.items:
            self._refuse(event, "invalid_request_error")
            return
        self.items.append(entry)
        if self.acknowledges:
            self.to_client.append({"type": "conversation.item.added", "item": item})

    def _asked(self, event: dict[str, Any]) -> None:
        if self.active is not None:
            self._refuse(event, "conversation_already_has_active_response")
        elif self.refuse:
            self.refuse -= 1
            self._refuse(event, "rate_limit_exceeded", named=True)
        else:
            self._create(event["response"]["metadata"]["agent"], self.known[event["event_id"]])

    def _refuse(self, event: dict[str, Any], code: str, *, named: bool = False) -> None:
        error = {"code": code, "message": code}
        if self.names_errors or named:
            error["event_id"] = event["event_id"]
        self.to_client.append({"type": "error", "error": error})

    def _create(self, token: str | None, known: set[str] | None = None) -> None:
        response = ModelResponse(f"resp_{len(self.responses)}", token)
        if token is None or token.startswith("tools-"):
            response.follows = self.unfollowed()
            # A response that was made while the request was on its way may have answered already: nobody could know.
            if token is not None and not self.unfollowed(known):
                self.faults.append(f"{token}: no batch waits for it")
        self.responses.append(response)
        self.active = response
        metadata = {"agent": token} if token is not None and self.echoes else None
        self.to_client.append({"type": "response.created", "response": {"id": response.id, "metadata": metadata}})

    def unfollowed(self, known: set[str] | None = None) -> list[str]:
        """Responses whose calls are all answered, and which none has followed since; of those `known`, where given."""
        followers = [each for each in self.responses if known is None or each.id in known]
        followed = {each for response in followers for each in response.follows}
        return [
            response.id
            for response in self.responses
            if response.calls
            and response.over
            and response.id not in followed
            and all(("output", call) in self.items for call in response.calls)
        ]
