"""Which response is the one that the application asked not to have interrupted."""

import json
from typing import Any

from mod_openai_realtime.conversation.requests import MAX_WAITING, Requests
from mod_openai_realtime.dialect.client_messages import ClientMessage, client_message

UNINTERRUPTIBLE = {"interruptible": "false", "topic": "notice"}


def create(metadata: Any = None, **fields: Any) -> ClientMessage:
    response = {"response": {"metadata": metadata}} if metadata is not None else {}
    message = client_message(json.dumps({"type": "response.create", **response, **fields}).encode())
    assert message is not None
    return message


def test_the_metadata_that_a_server_shows_tell() -> None:
    requests = Requests()
    assert requests.answered(UNINTERRUPTIBLE)
    assert not requests.answered({"interruptible": "true"})
    assert not requests.answered({"interruptible": False})


def test_where_none_are_shown_the_order_tells() -> None:
    requests = Requests()
    for metadata in (None, UNINTERRUPTIBLE, {"topic": "other"}):
        requests.sent(create(metadata))
    assert [requests.answered(None) for _ in range(4)] == [False, True, False, False]


def test_of_a_server_that_shows_them_once_the_order_does_not_count_any_more() -> None:
    requests = Requests()
    requests.sent(create(UNINTERRUPTIBLE))
    requests.sent(create(UNINTERRUPTIBLE))
    assert requests.answered(UNINTERRUPTIBLE)
    assert not requests.answered(None), "a response of the server's own"


def test_a_refused_request_has_no_response() -> None:
    requests = Requests()
    requests.sent(create(UNINTERRUPTIBLE, event_id="a"))
    requests.sent(create(UNINTERRUPTIBLE))
    requests.refused({"event_id": "b", "code": "conversation_already_has_active_response"})
    requests.refused({"code": "something_else"})
    requests.refused("nonsense")
    requests.refused({"event_id": "a", "code": "whatever"})
    requests.refused({"event_id": None, "code": "conversation_already_has_active_response"})
    assert not requests.answered(None)


def test_requests_that_nothing_answers_are_forgotten() -> None:
    requests = Requests()
    requests.sent(create(UNINTERRUPTIBLE))
    for _ in range(MAX_WAITING):
        requests.sent(create())
    assert not any(requests.answered(None) for _ in range(MAX_WAITING + 1))


def test_an_error_refuses_one_request() -> None:
    requests = Requests()
    requests.sent(create(event_id="e1"))
    for _ in range(2):
        requests.sent(create(UNINTERRUPTIBLE, event_id="e1"))
    requests.refused({"event_id": "e1"})
    assert [requests.answered(None) for _ in range(3)] == [True, True, False]
