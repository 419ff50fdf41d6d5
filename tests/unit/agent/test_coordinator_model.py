"""Any order of events: responses, calls, results, interruptions, errors, time-outs and lost connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from agent.model_server import ModelServer
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mod_openai_realtime.agent import actions as a
from mod_openai_realtime.agent.coordinator import SILENT_RESPONSE_S, Coordinator

TIMEOUT_S = 15.0

pytestmark = pytest.mark.timeout(900)  # half a minute on a machine that does nothing else


class World:
    """The coordinator, the model of the server, and what the application wants."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self.coordinator = Coordinator(lambda name: a.Rules(TIMEOUT_S, filler=True))
        self.now = 0.0
        self.up = False
        self.running: list[str] = []
        self.run: list[str] = []
        self.troubles: list[str] = []
        self.requests: dict[str, list[str]] = {}
        self.known_active: set[str] = set()
        self.quiet_s = 0.0
        self.asked: str | None = None  # a response.create that is not answered, as far as the client knows
        self.restorable: list[tuple[str, str]] = []

    def act(self, actions: list[a.Action]) -> None:
        for action in actions:
            match action:
                case a.Send(event):
                    self._send(event)
                case a.Run(call_id):
                    assert call_id not in self.run, "a call runs once"
                    self.run.append(call_id)
                    self.running.append(call_id)
                case a.Stop(call_id):
                    self.running.remove(call_id)
                case a.Began(token):
                    self.requests[token].append("began")
                case a.Over(token, _, status):
                    assert "over" not in self.requests[token], "a request is over once"
                    self.requests[token].append("over")
                    assert status
                case a.Trouble(text):
                    self.troubles.append(text)
                case a.Filler(call_id):
                    assert call_id in self.running

    def _send(self, event: dict[str, Any]) -> None:
        assert self.up, "nothing is sent without a session"
        if event["type"] == "response.create":
            assert not self.known_active, "no response is asked for while one is known to be under way"
            if self.server.echoes and self.server.names_errors:
                assert self.asked is None, "nor while another is asked for"
            self.asked = event["event_id"]
            self.server.known[event["event_id"]] = {each.id for each in self.server.responses if each.told}
        self.server.to_server.append(event)

    # -- steps

    def connect(self) -> None:
        if not self.up:
            self.server.restore(self.restorable)
            self.up = True
            self.act(self.coordinator.connected(self.now))

    def lose(self) -> None:
        if self.up:
            self.server.drop()
            self.up = False
            self.known_active.clear()
            self.asked = None
            self.act(self.coordinator.lost(self.now))

    def deliver(self) -> None:
        """One message of the server reaches the client."""
        if not self.server.to_client:
            return
        event = self.server.to_client.popleft()
        kind = event["type"]
        if kind == "response.created":
            self._made(event["response"]["id"])
        elif kind == "response.done":
            self.known_active.discard(event["response"]["id"])
            for each in self.server.responses:
                each.end_told = each.end_told or each.id == event["response"]["id"]
        elif kind == "response.output_item.done":
            self.server.told_calls.add(event["item"]["call_id"])
        elif kind == "error":
            named = event["error"].get("event_id")
            if named == self.asked or (named is None and event["error"]["code"].startswith("conversation")):
                self.asked = None
        elif kind == "conversation.item.added" and event["item"]["type"] == "function_call_output":
            self.restorable += [("call", event["item"]["call_id"]), ("output", event["item"]["call_id"])]
        self.act(self.coordinator.server_said(event, self.now))

    def _made(self, response_id: str) -> None:
        self.known_active.add(response_id)
        for each in self.server.responses:
            if each.id == response_id:
                each.told = True
                if each.token is not None:
                    self.asked = None

    def finish(self, index: int) -> None:
        if self.running:
            call_id = self.running.pop(index % len(self.running))
            self.act(self.coordinator.result(call_id, '{"ok":true}', self.now))

    def request(self) -> None:
        token = f"say-{len(self.requests)}"
        self.requests[token] = []
        self.act(self.coordinator.request(token, {"instructions": "Say it."}, self.now))

    def wait(self, seconds: float) -> None:
        """Messages are on their way for less than a second, and responses last for less than a minute."""
        if seconds > 1 and self.up:
            self.arrive()
            self.quiet_s += seconds
            if self.quiet_s > SILENT_RESPONSE_S / 2:
                self.quiet_s = 0.0
                self.server.end_response("completed")
                self.arrive()
        self.now += seconds
        self.act(self.coordinator.tick(self.now))

    def arrive(self) -> None:
        while self.server.to_client or self.server.to_server:
            self.deliver()
            self.server.work()

    def settle(self) -> None:
        """Everything goes its way to the end."""
        for _ in range(2000):
            if not self.up:
                self.connect()
            elif self.server.to_client:
                self.deliver()
            elif self.server.to_server:
                self.server.work()
            elif self.server.active is not None:
                self.server.end_response("completed")
            elif self.server.speaking:
                self.server.speech_stops()
            elif self.server.answer_due:
                self.server.answers()
            elif self.running:
                self.finish(0)
            elif self.coordinator.deadline is not None:
                self.wait(max(0.0, self.coordinator.deadline - self.now))
            else:
                return
        pytest.fail("it never ends")


def play(world: World, script: bytes) -> None:
    server = world.server
    draws: Iterator[int] = iter(script)
    world.connect()
    for draw in draws:
        argument, step = divmod(draw, 16)
        if not world.up and step in (3, 4, 5, 6, 7, 8, 9):
            continue
        match step:
            case 0 | 1 | 2:
                world.deliver()
            case 3 | 4:
                server.work()
            case 5:
                server.speech_starts()
            case 6:
                server.speech_stops()
            case 7:
                server.answers()
            case 8:
                server.calls()
            case 9:
                server.end_response(("completed", "completed", "failed", "incomplete")[argument % 4])
            case 10:
                world.finish(argument)
            case 11:
                world.request()
            case 12:
                world.wait((0.1, 1.6, 4.0, TIMEOUT_S)[argument % 4])
            case 13 if argument < 4:
                world.lose()
            case 13:
                world.connect()
            case 14 if argument < 2:
                server.refuse = 1
            case 14 if world.up:
                server.calls()
            case _:
                if not world.up:
                    world.connect()
                elif server.active is None:
                    server.speech_starts()
                    server.speech_stops()
                    server.answers()
                else:
                    server.calls()
                    server.end_response("completed")
    server.refuse = 0
    world.settle()


def check(world: World) -> None:
    server = world.server
    assert world.coordinator.unanswered == []
    assert not world.coordinator.responding and not world.coordinator.waiting
    called = [call for kind, call in server.items if kind == "call"]
    answered = [call for kind, call in server.items if kind == "output"]
    assert sorted(called) == sorted(answered), "no call is unanswered, and none twice"
    assert not [call for call in world.run if call not in answered], "whatever connection it came from"
    assert all(states[-1] == "over" for states in world.requests.values())
    assert not [trouble for trouble in world.troubles if "no end" not in trouble]


SCRIPTS = st.binary(min_size=20, max_size=160)


@settings(examples(1500), suppress_health_check=list(HealthCheck))
@given(SCRIPTS)
def test_each_batch_has_one_response_and_each_call_its_answer(script: bytes) -> None:
    world = World(ModelServer())
    play(world, script)
    check(world)
    assert world.server.faults == []
    assert world.server.unfollowed() == [], "every batch is followed by a response"


@settings(examples(300), suppress_health_check=list(HealthCheck))
@given(SCRIPTS, st.booleans(), st.booleans(), st.booleans())
def test_servers_that_tell_less_have_their_calls_answered_too(
    script: bytes, echoes: bool, acknowledges: bool, names_errors: bool
) -> None:
    world = World(ModelServer(echoes=echoes, acknowledges=acknowledges, names_errors=names_errors))
    if not acknowledges:
        script = bytes(draw for draw in script if draw % 16 != 13)  # nobody knows what to restore
    play(world, script)
    check(world)
