"""What the server is told of an interruption, and when nothing is said."""

import json
from typing import Any

import pytest

from mod_openai_realtime.audio.heard import Heard, ItemPart
from mod_openai_realtime.conversation.interruption import Interruption, TurnDetection, turn_detection
from mod_openai_realtime.dialect.client_messages import ClientKind

HEARD = Heard(ItemPart("item_1", 2, session=3), 24000, 48000)


def test_a_truncate_names_item_part_and_milliseconds() -> None:
    message = Interruption(True).truncate(HEARD, 24000, session=3)
    assert message is not None
    assert json.loads(message) == {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 2,
        "audio_end_ms": 1000,
    }


def test_nothing_heard_is_nothing_said() -> None:
    assert Interruption(True).truncate(Heard(ItemPart("i", 0), 10, 48000), 24000, session=0) is None


@pytest.mark.parametrize("session", [2, 4])
def test_another_session_is_not_told(session: int) -> None:
    assert Interruption(True).truncate(HEARD, 24000, session) is None


def test_switched_off_it_keeps_still() -> None:
    interruption = Interruption(False)
    assert not interruption.truncates and not interruption.cancels
    assert interruption.truncate(HEARD, 24000, session=3) is None
    assert interruption.cancel(["r"], others=False) == []


def test_an_application_that_truncates_or_cancels_does_so_alone_at_barge_ins() -> None:
    interruption = Interruption(True)
    interruption.application_sent(ClientKind.CREATE)
    assert interruption.truncates and interruption.cancels
    interruption.application_sent(ClientKind.TRUNCATE)
    assert not interruption.truncates and interruption.cancels
    interruption.application_sent(ClientKind.CANCEL)
    assert not interruption.cancels


@pytest.mark.parametrize(
    ("detection", "wanted"),
    [
        ({"type": "server_vad"}, TurnDetection()),
        ({"type": "server_vad", "interrupt_response": True}, TurnDetection()),
        ({"type": "server_vad", "interrupt_response": None}, TurnDetection()),
        ({"type": "server_vad", "interrupt_response": False}, TurnDetection(interrupts=False)),
        ({"type": "semantic_vad", "interrupt_response": False}, TurnDetection(interrupts=False)),
        (None, TurnDetection(server_cancels=False)),
    ],
)
def test_the_session_says_what_speech_does(detection: Any, wanted: TurnDetection) -> None:
    assert turn_detection({"type": "realtime", "audio": {"input": {"turn_detection": detection}}}) == wanted
    assert turn_detection({"turn_detection": detection}) == wanted
    assert turn_detection({"turn_detection": detection, "audio": {"input": {"format": {}}}}) == wanted


@pytest.mark.parametrize("session", [None, [], {}, {"audio": None}, {"audio": {"input": []}}, {"audio": {"input": {}}}])
def test_a_session_may_say_nothing_of_it(session: Any) -> None:
    assert turn_detection(session) is None


def test_a_cancel_names_responses_only_where_others_shall_go_on() -> None:
    interruption = Interruption(True)
    assert interruption.cancel([], others=False) == []
    assert [json.loads(each) for each in interruption.cancel(["a", None], others=False)] == [
        {"type": "response.cancel"}
    ]
    assert [json.loads(each) for each in interruption.cancel(["a", None, "b"], others=True)] == [
        {"type": "response.cancel", "response_id": "a"},
        {"type": "response.cancel", "response_id": "b"},
    ]
