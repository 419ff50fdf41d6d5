"""What the server is told of an interruption, and when nothing is said."""

import json
from typing import Any

import pytest

from mod_openai_realtime.realtime.messages import classify
from mod_openai_realtime.stream.heard import Heard, ItemPart
from mod_openai_realtime.stream.interruption import Interruption

HEARD = Heard(ItemPart("item_1", 2), 24000, 48000)


def told(interruption: Interruption, **message: Any) -> None:
    interruption.server_said(classify(json.dumps(message).encode()))


def session(detection: Any) -> dict[str, Any]:
    return {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}


def test_a_truncate_names_item_part_and_milliseconds() -> None:
    message = Interruption(True).truncate(HEARD, 24000)
    assert message is not None
    assert json.loads(message) == {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 2,
        "audio_end_ms": 1000,
    }


def test_nothing_heard_is_nothing_said() -> None:
    assert Interruption(True).truncate(Heard(ItemPart("i", 0), 10, 48000), 24000) is None


def test_switched_off_it_keeps_still() -> None:
    interruption = Interruption(False)
    told(interruption, type="session.created", session=session(None))
    told(interruption, type="response.created", response={"id": "r"})
    assert interruption.truncate(HEARD, 24000) is None
    assert interruption.cancel() is None


def test_an_application_that_truncates_does_so_alone() -> None:
    interruption = Interruption(True)
    interruption.application_sent(b'{"type":"conversation.item.truncate","item_id":"x"}')
    assert interruption.truncate(HEARD, 24000) is None


@pytest.mark.parametrize(
    ("detection", "cancels"),
    [
        ({"type": "server_vad"}, False),
        ({"type": "server_vad", "interrupt_response": True}, False),
        ({"type": "server_vad", "interrupt_response": False}, True),
        (None, True),
    ],
)
def test_a_cancel_is_sent_only_where_the_server_does_not_cancel_itself(detection: Any, cancels: bool) -> None:
    interruption = Interruption(True)
    told(interruption, type="session.updated", session=session(detection))
    told(interruption, type="response.created", response={"id": "r"})
    assert (interruption.cancel() is not None) is cancels


def test_a_cancel_is_sent_only_while_a_response_is_active() -> None:
    interruption = Interruption(True)
    told(interruption, type="session.updated", session=session(None))
    assert interruption.cancel() is None
    told(interruption, type="response.created", response={"id": "r"})
    told(interruption, type="response.done", response={"id": "r"})
    assert interruption.cancel() is None


def test_an_older_server_has_turn_detection_at_the_top() -> None:
    interruption = Interruption(True)
    told(interruption, type="session.created", session={"turn_detection": None})
    told(interruption, type="response.created", response={"id": "r"})
    assert interruption.cancel() is not None


def test_a_new_session_has_no_active_response() -> None:
    interruption = Interruption(True)
    told(interruption, type="response.created", response={"id": "r"})
    told(interruption, type="session.created", session=session(None))
    assert interruption.cancel() is None
