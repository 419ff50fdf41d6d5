"""The protocol between worker and host."""

import json

import msgspec
import pytest

from mod_openai_realtime.agent import messages as m

FACTS = m.Facts(uuid="u-1", caller_number="+15550100", parameters={"table": "4"})
TO_HOST: list[m.ToHost] = [
    m.Welcome(1, 2, "/run/spool"),
    m.Begin(7, 1, "bakery", FACTS),
    m.Begin(7, 9, "bakery", FACTS, kept=m.Kept({"a": 1}, {"0": {"who": "caller"}}), connected=True),
    m.Connected(7, 2, restored=True, cause="rollover"),
    m.Lost(7, 3, 1011, "gone"),
    m.AttemptFailed(7, 3, "HTTP 401", 1, 10000.0, 401),
    m.Event(7, 4, msgspec.Raw(b'{"type":"session.created"}')),
    m.Speech(7, 5, True),
    m.Playback(7, 5, False),
    m.TurnHeard(7, 6, "resp_1", 2460, 3000, True, ["item_1"], {"speech_end_to_first_sample": None}),
    m.Played(7, 7, 1, 900),
    m.Digit(7, 8, "#"),
    m.Held(7, 8, True),
    m.Result(7, 9, 3, False, error="NO_ANSWER"),
    m.Ended(7, 10, "caller"),
]
TO_WORKER: list[m.ToWorker] = [
    m.Hello(m.PROTOCOL, "ab12", 4711, 3, ["bakery"]),
    m.Agents([]),
    m.Acts(
        7,
        4,
        [
            m.Plan({"type": "realtime"}, connect_timeout_s=5.0),
            m.Fail("no"),
            m.Send({"type": "response.create"}),
            m.Play(1, "/run/spool/1.pcm", pcm=True, remove=True),
            m.Break(),
            m.Execute(2, "api", "uuid_exists", "u-1"),
            m.Close(),
            m.Log("info", "well"),
            m.Done(),
        ],
        m.Kept({"digits": "12"}, {"3": {"who": "tool"}}),
    ),
]


def fed(reader: m.HostMessages | m.WorkerMessages, data: bytes, size: int) -> list[object]:
    found: list[object] = []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size])
    return found


@pytest.mark.parametrize("size", [1, 3, 1000, 1 << 20])
def test_messages_come_as_they_were_sent_however_they_are_cut(size: int) -> None:
    data = b"".join(map(m.encode, TO_HOST))
    found = fed(m.WorkerMessages(), data, size)
    assert [m.encode(each) for each in found] == [m.encode(each) for each in TO_HOST]  # type: ignore[arg-type]
    assert fed(m.HostMessages(), b"".join(map(m.encode, TO_WORKER)), size) == TO_WORKER


def test_a_servers_message_is_not_parsed_on_its_way() -> None:
    event = b'{"type":"x","n":12345678901234567890123,"f":1.10}'
    (message,) = m.WorkerMessages().feed(m.encode(m.Event(1, 1, msgspec.Raw(event))))
    assert isinstance(message, m.Event) and bytes(message.event) == event


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{",
        b"[]",
        b'{"type":"unheard_of"}',
        b'{"type":"acts","call":"7","through":1}',
        b'{"type":"acts","call":7,"through":1,"acts":[{"type":"send"}]}',
        b'{"type":"acts","call":7,"through":1,"acts":[{"type":"execute","id":1,"kind":"shell","name":"x"}]}',
        b'{"type":"begin","call":7,"n":1,"agent":"a","facts":{"uuid":"u"}}',
        b'{"type":"acts","call":7,"through":1,"keep":{"state":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b"\xff\xfe",
    ],
)
def test_what_is_no_message_to_a_worker_is_refused(body: bytes) -> None:
    with pytest.raises(m.ProtocolError):
        m.HostMessages().feed(framed(body))


def test_a_message_that_is_too_long_is_refused_before_it_has_come() -> None:
    with pytest.raises(m.ProtocolError, match="too long"):
        m.HostMessages().feed((m.MAX_FRAME_BYTES + 1).to_bytes(4, "little"))
    with pytest.raises(m.ProtocolError, match="too long"):
        m.encode(m.Acts(1, 1, [m.Log("info", "x" * m.MAX_FRAME_BYTES)]))


def test_a_client_event_that_is_no_json_is_refused_where_it_is_made() -> None:
    with pytest.raises(m.ProtocolError, match="no JSON"):
        m.encode(m.Acts(1, 1, [m.Send({"type": object()})]))


def test_defaults_are_not_told() -> None:
    assert json.loads(m.encode(m.Ended(7, 10, "caller"))[4:]) == {
        "type": "ended", "call": 7, "n": 10, "reason": "caller",
    }  # fmt: skip
