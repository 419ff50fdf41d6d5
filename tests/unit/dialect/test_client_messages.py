"""What of an application's messages means something for the call."""

import pytest

from mod_openai_realtime.dialect.client_messages import ClientKind, client_message


@pytest.mark.parametrize("kind", ClientKind)
def test_the_type_tells(kind: ClientKind) -> None:
    message = client_message(b'  {"event_id":"e1", "type" : "%s", "item_id":7}' % kind.value.encode())
    assert message is not None and message.kind is kind
    assert message.text("event_id") == "e1"
    assert message.text("item_id") is None and message.text("nothing") is None


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"session.update"}',
        b'{"type":"conversation.item.delete","item":{"type":"response.cancel"}}',
        b'{"kind":"response.cancel"}',
        b'{"type":["response.cancel"]}',
        b'"response.cancel"',
        b'["response.cancel"]',
        b"[" * 1023 + b'"response.cancel"' + b"]" * 1023,
    ],
)
def test_other_messages_mean_nothing(payload: bytes) -> None:
    assert client_message(payload) is None


@pytest.mark.parametrize("odd", [b"1e999", b'"\\ud800"', b"123456789012345678901234567890"])
def test_whatever_is_json_is_understood(odd: bytes) -> None:
    message = client_message(b'{"type":"response.cancel","x":%s}' % odd)
    assert message is not None and message.kind is ClientKind.CANCEL


@pytest.mark.parametrize(
    ("response", "uninterruptible"),
    [
        (b'{"metadata":{"interruptible":"false"}}', True),
        (b'{"metadata":{"interruptible":"true"}}', False),
        (b'{"metadata":{}}', False),
        (b'{"metadata":null}', False),
        (b"null", False),
        (b"[]", False),
    ],
)
def test_a_response_may_be_asked_not_to_be_interrupted(response: bytes, uninterruptible: bool) -> None:
    message = client_message(b'{"type":"response.create","response":%s}' % response)
    assert message is not None and message.uninterruptible is uninterruptible
