"""One connection of an agent host, and which calls it gets."""

from __future__ import annotations

import pytest
from pilot_doubles import FakeHost, NotedDesk

from mod_openai_realtime.agent.messages import PROTOCOL, Acts, Agents, Facts, Hello, Send, Welcome, encode
from mod_openai_realtime.pilot import agent_host
from mod_openai_realtime.pilot.agent_calls import AgentCalls
from mod_openai_realtime.realtime.share import FRAME_NS, TURN_NS


def begin(calls: AgentCalls, agent: str = "bakery") -> int:
    return calls.begin(agent, Facts("uuid"), NotedDesk()).number


def test_a_host_is_welcomed_once_it_has_said_who_it_is(host: FakeHost) -> None:
    assert host.told() == []
    host.hello("bakery")
    assert host.told() == [Welcome(PROTOCOL, 0, "/spool")]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x02\0\0\0{]",
        b"\x02\0\0\0{}",
        b'\x10\0\0\0{"type":"hello"}',
        b'\x1d\0\0\0{"type":"agents","agents":[]}',
    ],
    ids=["long", "no-json", "no-type", "no-fields", "no-hello"],
)
def test_what_breaks_the_protocol_ends_the_connection(host: FakeHost, data: bytes) -> None:
    host.worker_end.data_received(data)
    assert host.transport.aborted


MANY = TURN_NS // FRAME_NS + 10


def told_much(calls: AgentCalls, host: FakeHost) -> NotedDesk:
    desk = NotedDesk()
    host.hello("bakery")
    number = calls.begin("bakery", Facts("uuid"), desk).number
    host.worker_end.data_received(b"".join(encode(Acts(number, 1, [Send({"n": n})])) for n in range(MANY)))
    return desk


def test_a_host_with_much_to_do_takes_turns(calls: AgentCalls, host: FakeHost) -> None:
    """What its agents have a worker do takes the worker's time, and audio waits for nobody."""
    desk = told_much(calls, host)
    assert 0 < len(desk.did) < MANY
    assert not host.transport.reads
    while host.turns.next():
        assert not host.transport.reads
    assert host.transport.reads
    assert [event["n"] for event in desk.did] == list(range(MANY))


def test_a_host_that_dies_does_no_more(calls: AgentCalls, host: FakeHost) -> None:
    desk = told_much(calls, host)
    host.dies()
    done = len(desk.did)
    assert not host.turns.next()
    assert len(desk.did) == done


def test_another_protocol_ends_the_connection(host: FakeHost) -> None:
    host.say(Hello(PROTOCOL + 1, "abc", 1, 0, []))
    assert host.transport.aborted and host.told() == []


def test_a_call_goes_to_the_host_with_the_fewest_calls(calls: AgentCalls) -> None:
    one, two = FakeHost(calls).hello("bakery", name="a"), FakeHost(calls).hello("bakery", name="b")
    for _ in range(4):
        begin(calls)
    assert (len(one.worker_end.calls), len(two.worker_end.calls)) == (2, 2)


def test_a_call_goes_to_the_newest_code(calls: AgentCalls) -> None:
    old = FakeHost(calls).hello("bakery", generation=1)
    new = FakeHost(calls).hello("bakery", generation=2)
    begin(calls)
    assert new.worker_end.calls and not old.worker_end.calls


def test_a_host_without_agents_gets_no_new_calls(calls: AgentCalls, host: FakeHost) -> None:
    host.hello("bakery")
    host.say(Agents([]))
    begin(calls)
    assert host.worker_end.calls == {}
    host.say(Agents(["bakery"]))
    assert len(host.worker_end.calls) == 1


def test_an_agent_is_known_by_the_engines_word_or_a_hosts(calls: AgentCalls, host: FakeHost) -> None:
    assert calls.knows("bakery") and not calls.knows("clinic")
    host.hello("clinic")
    assert calls.knows("clinic")
    assert calls.knows("@abc/7") and not calls.knows("@other/7")


def test_an_agent_of_one_host_alone_is_given_to_that_one(calls: AgentCalls) -> None:
    one, two = FakeHost(calls).hello("bakery", name="a"), FakeHost(calls).hello("bakery", name="b", generation=3)
    begin(calls, "@a/1")
    assert one.worker_end.calls and not two.worker_end.calls


def test_a_host_that_reads_nothing_is_given_up(calls: AgentCalls, host: FakeHost) -> None:
    host.hello("bakery")
    host.transport.waiting_bytes = agent_host.MAX_UNREAD_BYTES + 1
    other = FakeHost(calls).hello("bakery", name="b", generation=-5)
    number = begin(calls)
    assert host.transport.aborted
    assert number in other.worker_end.calls
