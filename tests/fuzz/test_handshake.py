"""A server's answer to the handshake is an agreement, a refusal or no HTTP, however it is cut into pieces."""

from __future__ import annotations

from fuzzing import fuzz
from hypothesis import strategies as st

from mod_openai_realtime.realtime.deflate import InvalidExtensionError, negotiate
from mod_openai_realtime.realtime.failures import ConnectError
from mod_openai_realtime.realtime.handshake import LONGEST_BODY_BYTES, Answer

heads = st.sampled_from(
    ["HTTP/1.1 101 Switching Protocols", "HTTP/1.1 200 OK", "HTTP/1.0 401 x", "HTTP/1.1 100 Continue", "HTTP/1.1 103 x"]
)
heads |= st.sampled_from(
    ["HTTP/2 101", "HTTP/1.1 999 x", "HTTP/1.1 0 x", "http/1.1 101 x", "HTTP/1.1 101", "SSH-2.0-x", "", "\x1b[2J"]
)
names = st.sampled_from(
    [
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Extensions",
        "Content-Length",
        "Transfer-Encoding",
        "X",
    ]
)
values = st.sampled_from(
    [
        "websocket",
        "WebSocket, h2c",
        "Upgrade",
        "keep-alive, upgrade",
        "",
        "chunked",
        "5",
        "-1",
        "999999999999",
        "a\tb",
        "\x00",
        "\u00e9",
    ]
)
values |= st.lists(
    st.sampled_from(
        [
            "permessage-deflate",
            "server_max_window_bits=9",
            "client_max_window_bits",
            "server_no_context_takeover",
            'x="a;b"',
            "=",
            ";",
            ",",
        ]
    ),
    max_size=5,
).map("; ".join)
fields = st.lists(st.tuples(names, st.sampled_from([": ", ":", " : ", ":\t"]), values).map("".join), max_size=8)
ends = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r"])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    agreed = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: x"] if draw(st.booleans()) else []
    end = draw(ends)
    text = end.join([draw(heads), *agreed, *draw(fields), "", draw(st.text(max_size=20))])
    return bytes([draw(st.integers(0, 255))]) + draw(st.integers(1, 2)) * text.encode("utf-8", "surrogatepass")


def outcome(data: bytes, piece: int) -> tuple[object, ...]:
    answer = Answer()
    try:
        for at in range(0, len(data), piece):
            answer.feed(data[at : at + piece])
            if answer.agreement is not None or answer.over:
                break
    except ConnectError as error:
        assert str(error).isprintable() and 0 <= error.http_status < 1000
        return ("error", str(error), error.http_status)
    if answer.agreement is not None:
        assert answer.agreement.startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")
        try:
            negotiate(answer.extensions, offered=True)
        except InvalidExtensionError as error:
            assert str(error)
        return ("agreed", answer.agreement.partition(b"\r\n\r\n")[0], answer.extensions)
    if answer.refused:
        refusal = answer.refusal()
        assert str(refusal).isprintable() and len(refusal.body) < LONGEST_BODY_BYTES + len(data)
        return ("refused", str(refusal), refusal.http_status)
    return ("more",)


def read(data: bytes) -> None:
    if data:
        assert outcome(data[1:], 1 + data[0] % 29) == outcome(data[1:], max(1, len(data)))


def test_handshake() -> None:
    fuzz("handshake", read, answers())
