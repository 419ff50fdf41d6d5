"""An opening has one outcome, and who asked for it hears of it once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest

from mod_openai_realtime.stream.state import IllegalMoveError
from mod_openai_realtime.switch.command import Start
from mod_openai_realtime.switch.module_port import ModulePort
from mod_openai_realtime.switch.opening import MOVES, Opening, OpeningState
from mod_openai_realtime.switch.stream_verbs import parse_command
from mod_openai_realtime.switch.wire import MessageType

STEPS = {
    OpeningState.AWAITED: Opening.media_to_come,
    OpeningState.HELD: Opening.hold,
    OpeningState.OPENED: Opening.opened,
    OpeningState.FAILED: lambda opening: opening.fail("Channel has no media"),
    OpeningState.GIVEN_UP: Opening.give_up,
}


class Link:
    """What was sent, by type and request; of replies the text."""

    full = False

    def __init__(self) -> None:
        self.sent: list[tuple[MessageType, int, str]] = []

    def send(
        self,
        kind: MessageType,
        *,
        stream: int = 0,
        request: int = 0,
        fields: Mapping[str, str | bytes] | None = None,
    ) -> None:
        found = (fields or {}).get("text", (fields or {}).get("subclass", ""))
        self.sent.append((kind, request, str(found)))


def opening(request: int, name: str = "", over: Callable[[str], None] | None = None) -> tuple[Opening, Link]:
    start = parse_command(f"start ws://h/ mono {name}")
    assert isinstance(start, Start)
    link: Any = Link()
    return Opening(3, start, request, ModulePort(link), lambda *_: True, over), link


def test_a_bug_that_is_on_answers_the_command() -> None:
    it, link = opening(7)
    it.ask({})
    it.opened()
    assert link.sent == [(MessageType.OPEN, 7, ""), (MessageType.REPLY, 7, "+OK Success")]


def test_a_bug_that_cannot_be_added_answers_with_the_reason() -> None:
    it, link = opening(7, "stream=b")
    it.fail("Channel has no media")
    assert link.sent == [(MessageType.REPLY, 7, "-ERR Channel has no media [stream=b]")]


def test_media_to_come_answers_at_once_and_a_failure_after_it_is_an_event() -> None:
    it, link = opening(7)
    it.media_to_come()
    it.media_to_come()
    it.fail("Channel has no media")
    assert [(kind, text) for kind, _, text in link.sent] == [
        (MessageType.REPLY, "+OK Success"),
        (MessageType.LOG, "openai_audio_stream default: start failed: Channel has no media"),
        (MessageType.EVENT, "error"),
    ]


@pytest.mark.parametrize("late", [False, True])
def test_where_nobody_waits_nothing_is_replied(late: bool) -> None:
    it, link = opening(0)
    if late:
        it.media_to_come()
    it.opened()
    assert link.sent == []
    it, link = opening(0)
    it.fail("Channel has no media")
    assert [kind for kind, _, _ in link.sent] == [MessageType.LOG, MessageType.EVENT]


@pytest.mark.parametrize(("first", "second"), list(product(STEPS, repeat=2)))
def test_a_move_that_is_not_in_the_table_changes_nothing(first: OpeningState, second: OpeningState) -> None:
    it, link = opening(7)
    STEPS[first](it)
    assert it.state is first
    told = list(link.sent)
    if second in MOVES[first]:
        STEPS[second](it)
        assert it.state is second
    elif second is not OpeningState.AWAITED:  # the module may say twice that the media is to come
        with pytest.raises(IllegalMoveError):
            STEPS[second](it)
        assert it.state is first and link.sent == told


def test_a_bug_that_waits_for_its_agent_answers_the_command_and_goes_with_a_failure() -> None:
    told: list[str] = []
    it, link = opening(7, over=told.append)
    it.hold()
    it.fail("Agent did not answer")
    assert told == ["Agent did not answer"]
    assert [(kind, request, text) for kind, request, text in link.sent] == [
        (MessageType.REPLY, 7, "+OK Success"),
        (MessageType.CLOSE, 0, ""),
        (MessageType.LOG, 0, "openai_audio_stream default: start failed: Agent did not answer"),
        (MessageType.EVENT, 0, "error"),
    ]


def test_a_bug_that_waits_for_its_agent_goes_by_command() -> None:
    told: list[str] = []
    it, link = opening(7, over=told.append)
    it.hold()
    it.give_up(9)
    assert told == [""]
    assert link.sent[1:] == [(MessageType.CLOSE, 9, "")]
