"""A command is one, or is refused with a line that repeats nothing of it; its URI can be dialled."""

from __future__ import annotations

from urllib.parse import urlsplit

from fuzzing import fuzz
from hypothesis import strategies as st
from picows.url import parse_url

from mod_openai_realtime.realtime.settings import EndpointSettings
from mod_openai_realtime.switch import reasons
from mod_openai_realtime.switch.command import CommandError, Direction, Start
from mod_openai_realtime.switch.stream_verbs import parse_command

WORDS = [
    "start",
    "stop",
    "pause",
    "resume",
    "break",
    "mute",
    "unmute",
    "send_json",
    "list",
    "START",
    "recv",
    "send",
    "both",
]
WORDS += [
    "mono",
    "mixed",
    "stereo",
    "8k",
    "16k",
    "24k",
    "8000",
    "48000",
    "44100",
    "0",
    "-1",
    "1e3",
    "\u0668k",
    "mute_user",
    "MUTE_USER",
]
WORDS += [
    "user",
    "openai",
    "all",
    "stream=a",
    "stream=",
    "stream=A",
    "stream=default",
    "eyJ9",
    "'",
    "''",
    "'a b'",
    "'start",
    "\x1b[2J",
]
URIS = [
    "ws://h",
    "wss://h:1/p?q",
    "WS://[::1]:65535",
    "ws://[::ffff:1.2.3.4%1]/",
    "ws://1.2.3",
    "ws://h:0/",
    "ws://h:65536/",
]
URIS += [
    "ws://a_b.c-d./",
    "ws://u:p@h/",
    "ws://h#f",
    "ws://0x7f.1/",
    "ws://h?/",
    "ws://h/\\",
    "http://h/",
    "ws://\u00e9/",
    "ws://h:08/",
]
words = st.sampled_from(WORDS + URIS) | st.text(max_size=6) | st.text("ws:/[]0123456789.ahx-_@?#%", max_size=20)
commands = st.lists(st.tuples(words, st.sampled_from([" ", " ", "  ", "\t", "\r\n", "", "\u00a0"])), max_size=18)
started = commands.map(lambda pairs: [("start", " "), *pairs]) | commands


def read(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        command = parse_command(text)
    except CommandError as error:
        assert error.reason in vars(reasons).values()
        assert error.reply().isprintable() and error.reply().startswith("-ERR ")
        assert error.selector is None or f"stream={error.selector}" in text
        return
    assert command.stream is None or command.stream.isascii()
    if isinstance(command, Start):
        assert (command.mix is None) is (command.send_rate is None) is (command.direction is Direction.RECV)
        assert (command.playback_rate is None) is (command.direction is Direction.SEND)
        assert {command.send_rate, command.playback_rate} <= {None, *range(8000, 48001, 8000)}
        assert urlsplit(command.uri).hostname and parse_url(command.uri)
        settings = EndpointSettings(command.uri)
        assert settings.peer.isprintable() and repr(command).isprintable()


def test_command() -> None:
    fuzz(
        "command",
        read,
        started.map(lambda pairs: "".join(word + space for word, space in pairs).encode("utf-8", "surrogatepass")),
    )
