"""Answers to the handshake, as servers and the proxies before them write them."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Any

import pytest
from websockets.utils import accept_key

from mod_openai_realtime import __version__
from mod_openai_realtime.realtime.failures import ConnectError
from mod_openai_realtime.realtime.handshake import (
    LONGEST_BODY_BYTES,
    LONGEST_HEAD_BYTES,
    MAX_BODY_PIECES,
    MAX_INTERIM,
    Answer,
)
from mod_openai_realtime.realtime.settings import EndpointSettings

from .conftest import Bench

AGREED = "HTTP/1.1 101 Switching Protocols"
# RFC 6455, sections 4.1 and 4.2.2; RFC 9110, sections 7.8 and 15.2; RFC 9112, sections 4, 5.2 and 6.3.
ALLOWED = {
    "plain": [AGREED, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: KEY"],
    "keep-alive": [AGREED, "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Accept: KEY"],
    "keep-alive last": [AGREED, "Upgrade: websocket", "Connection: upgrade,keep-alive", "Sec-WebSocket-Accept: KEY"],
    "two connection headers": [
        AGREED,
        "Connection: keep-alive",
        "Upgrade: WebSocket",
        "Connection: UPGRADE",
        "Sec-WebSocket-Accept: KEY",
    ],
    "any case": [AGREED, "UPGRADE: WEBSOCKET", "connection: uPGRADE", "sec-websocket-accept:   KEY \t"],
    "upgrade twice": [
        AGREED,
        "Upgrade: websocket",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: KEY",
    ],
    "folded": [AGREED, "Upgrade:", " websocket", "Connection: keep-alive,", "\tUpgrade", "Sec-WebSocket-Accept: KEY"],
    "no phrase": ["HTTP/1.1 101", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: KEY"],
    "empty phrase": ["HTTP/1.1 101 ", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: KEY"],
    "other phrase": [
        "HTTP/1.1 101 Web Socket Protocol Handshake",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: KEY",
    ],
    "body headers": [
        AGREED,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Transfer-Encoding: chunked",
        "Content-Length: 7",
        "Sec-WebSocket-Accept: KEY",
    ],
    "early hints first": [
        "HTTP/1.1 100 Continue",
        "",
        "HTTP/1.1 103 Early Hints",
        "Link: </style.css>",
        "",
        AGREED,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: KEY",
    ],
    "much else": [
        AGREED,
        "Server: nginx/1.26.3",
        "Date: Fri, 27 Nov 2026 10:00:00 GMT",
        "Connection: upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Accept: KEY",
        "Set-Cookie: a=\u00fc",
        *(f"X-Trace-{number}: {'x' * 100}" for number in range(90)),
    ],
    "many headers": [
        AGREED,
        *(f"X-{number}: " for number in range(200)),
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: KEY",
    ],
    "no extension": [
        AGREED,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: KEY",
        "Sec-WebSocket-Extensions: ",
        "Sec-WebSocket-Protocol: realtime",
    ],
    "line feeds alone": ["\n".join([AGREED, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: KEY"])],
}
FORBIDDEN = {
    "no upgrade": [AGREED, "Connection: Upgrade", "Sec-WebSocket-Accept: KEY"],
    "another upgrade": [AGREED, "Upgrade: h2c", "Connection: Upgrade", "Sec-WebSocket-Accept: KEY"],
    "one more upgrade": [AGREED, "Upgrade: websocket, h2c", "Connection: Upgrade", "Sec-WebSocket-Accept: KEY"],
    "no connection": [AGREED, "Upgrade: websocket", "Sec-WebSocket-Accept: KEY"],
    "not upgraded": [AGREED, "Upgrade: websocket", "Connection: keep-alive", "Sec-WebSocket-Accept: KEY"],
    "half the word": [AGREED, "Upgrade: websocket", "Connection: upgraded", "Sec-WebSocket-Accept: KEY"],
    "no accept": [AGREED, "Upgrade: websocket", "Connection: Upgrade"],
    "wrong accept": [AGREED, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: AAAA"],
    "two accepts": [
        AGREED,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: KEY",
        "Sec-WebSocket-Accept: AAAA",
    ],
}


def answer(lines: list[str], key: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").replace("KEY", accept_key(key)).encode()


async def tried(bench: Bench, lines: list[str], *, pieces: int = 0, **settings: Any) -> tuple[Any, ...]:
    """What becomes of an attempt at a server that answers so, and says "hello" right behind it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = next(line for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
        data = answer(lines, key[19:].decode()) + b"\x81\x05hello"
        for at in range(0, len(data), pieces or len(data)):
            writer.write(data[at : at + (pieces or len(data))])
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False, **settings)
    while not (ends := [event for event in recorder.events if event[0] in ("text", "failed")]):
        await recorder.changed()
    return ends[0]


@pytest.mark.parametrize("pieces", [0, 1], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("name", ALLOWED)
async def test_every_answer_that_the_rfc_allows_is_taken(bench: Bench, name: str, pieces: int) -> None:
    assert await tried(bench, ALLOWED[name], pieces=pieces) == ("text", b"hello")


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_an_agreement_that_the_rfc_forbids_is_a_failed_attempt(bench: Bench, name: str) -> None:
    event = await tried(bench, FORBIDDEN[name])
    assert event[0] == "failed" and event[4] == 101
    assert event[2].startswith("Invalid WebSocket handshake: ") and "AAAA" not in event[2]


async def test_more_than_one_read_buffer_may_lie_behind_the_agreement(bench: Bench) -> None:
    sent = b"\x82\x7e\xff\xff" + bytes(65535)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = next(line for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
        writer.write(answer(ALLOWED["plain"], key[19:].decode()) + 3 * sent)
        await reader.read()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False)
    await recorder.until("binary", 3)
    assert recorder.named("binary") == [("binary", bytes(65535))] * 3


def test_an_agreement_is_read_without_its_first_line_being_whole() -> None:
    with pytest.raises(ConnectError, match="not HTTP"):
        Answer().feed(b"SSH-2.0-OpenSSH\r\n")
    waiting = Answer()
    waiting.feed(b"HT")
    assert not waiting.over and not waiting.refused


def test_a_head_without_end_is_given_up() -> None:
    reading = Answer()
    with pytest.raises(ConnectError, match="malformed"):
        for _ in range(LONGEST_HEAD_BYTES // 1000 + 2):
            reading.feed(b"HTTP/1.1 101 X\r\n" + b"X-Long: " + b"x" * 982 + b"\r\n")


@pytest.mark.parametrize("headers", [0, 3000])
def test_answers_before_the_answer_have_an_end(headers: int) -> None:
    head = b"HTTP/1.1 103 Early Hints\r\n" + b"a:b\r\n" * headers + b"\r\n"
    reading = Answer()
    taken = 0
    with pytest.raises(ConnectError, match="does not come to an end"):
        for _ in range(MAX_INTERIM + 1):
            reading.feed(head)
            taken += len(head)
    assert taken <= LONGEST_HEAD_BYTES


async def test_a_server_that_never_comes_to_its_answer_is_hung_up_on(bench: Bench) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
            await writer.drain()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False)
    failed = await recorder.until("failed")
    assert failed[2] == "Server's answer does not come to an end"


# -- refusals


def refused(*parts: bytes) -> ConnectError:
    reading = Answer()
    for part in parts:
        reading.feed(part)
        if reading.over:
            break
    assert reading.refused
    return reading.refusal()


def test_of_a_refusal_status_and_body_are_told_however_it_is_framed() -> None:
    head = b"HTTP/1.1 401 sk-secret\r\n"
    for error in (
        refused(head + b"Content-Length: 5\r\n\r\nwrong ignored"),
        refused(head + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nwr\r\n3\r\nong\r\n0\r\n\r\n"),
        refused(head + b"\r\nwro", b"ng"),
        refused(b"HTTP/1.0 401 No\r\n\r\nwrong"),
        refused(b"HTTP/1.1 103 Early Hints\r\n\r\n" + head + b"Content-Length: 5\r\n\r\nwrong"),
    ):
        assert str(error) == "HTTP 401 Unauthorized" and error.http_status == 401
        assert error.body == b"wrong"


def test_a_broken_or_endless_body_keeps_what_has_come() -> None:
    reading = Answer()
    reading.feed(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\nnot a length\r\n")
    assert reading.over and reading.refusal().body == b"no"
    reading = Answer()
    reading.feed(b"HTTP/1.1 500 X\r\n\r\n")
    while not reading.over:
        reading.feed(b"x" * 1000)
    assert LONGEST_BODY_BYTES <= len(reading.refusal().body) < LONGEST_BODY_BYTES + 1000


def test_a_body_in_crumbs_is_not_read_to_its_end() -> None:
    reading = Answer()
    reading.feed(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 2000)
    assert reading.over and reading.refusal().body == b"x" * MAX_BODY_PIECES


async def test_the_beginning_of_a_refusals_body_is_told_without_what_is_secret(bench: Bench) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 X\r\nContent-Length: 400\r\n\r\n")
        await writer.drain()
        writer.write(b'{"error":\n "bad key sk-secret\x1b[31m for model m-1, token=hid/den"}'.ljust(400, b"."))
        await reader.read()

    port = await bench.raw_server(serve)
    headers = (("Authorization", "Bearer sk-secret"),)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/?model=m-1&token=hid%2Fden", headers=headers)
    await recorder.until("failed")
    start = '{"error": "bad key *** [31m for model m-1, token=***"}'
    assert recorder.bodies[0] == start.ljust(200, ".")


async def test_a_body_that_does_not_come_is_not_waited_for_long(bench: Bench) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 X\r\nContent-Length: 400\r\n\r\nhalf")
        await reader.read()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    assert (await recorder.until("failed"))[2] == "HTTP 503 Service Unavailable"
    assert recorder.bodies[0] == "half"


def test_secrets_are_keys_in_headers_and_in_the_query_but_not_a_models_name() -> None:
    settings = EndpointSettings(
        "wss://h/v1/realtime?model=gpt-realtime-2.1&api-version=2026-01&key=hid%20den",
        headers=(
            ("Authorization", "Bearer sk-one"),
            ("api-key", "azure-two"),
            ("Cookie", "a=b; session=cookie-three"),
            ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.sk-four"),
        ),
    )
    for secret in ("sk-one", "azure-two", "cookie-three", "sk-four", "hid den", "hid%20den"):
        assert secret in settings.secrets
    assert not {"gpt-realtime-2.1", "2026-01", "Bearer", "b"} & set(settings.secrets)


@pytest.mark.parametrize(
    ("uri", "peer"),
    [
        ("wss://api.openai.com/v1?key=x", "api.openai.com:443"),
        ("WS://Host/", "host:80"),
        ("ws://[::1]:8080/", "[::1]:8080"),
    ],
)
def test_the_peer_is_host_and_port(uri: str, peer: str) -> None:
    assert EndpointSettings(uri).peer == peer


# -- the request


async def request_of(bench: Bench, headers: tuple[tuple[str, str], ...]) -> bytes:
    asked: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if not asked.done():
            asked.set_result(request)

    port = await bench.raw_server(serve)
    bench.endpoint(f"ws://127.0.0.1:{port}/", headers=headers)
    return await asked


async def test_the_user_agent_is_ours_unless_the_headers_have_one(bench: Bench) -> None:
    ours = f"User-Agent: mod_openai_realtime/{__version__}\r\n".encode()
    assert ours in await request_of(bench, ())
    request = await request_of(bench, (("user-agent", "mine/2"),))
    assert b"user-agent: mine/2\r\n" in request and request.lower().count(b"user-agent") == 1


async def test_any_printable_header_value_is_sent_as_utf_8(bench: Bench) -> None:
    value = "caf\u00e9 \u4e16\u754c \U0001f468\u200d\U0001f469 \u00a0\ufe0f\u200f\tend"
    assert f"X-Name: {value}\r\n".encode() in await request_of(bench, (("X-Name", value),))


def test_every_character_but_controls_may_be_in_a_header_value() -> None:
    characters = map(chr, range(0x110000))
    printed = "".join(each for each in characters if unicodedata.category(each) not in ("Cc", "Cs", "Zl", "Zp"))
    EndpointSettings("ws://h/", headers=(("X", printed),))
