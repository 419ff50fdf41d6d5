"""What comes from a server, a variable or a command does not act on the terminal that shows FreeSWITCH's log."""

from __future__ import annotations

import base64

import pytest
from contract import FarEnd, Leg, Switch

ACTING = "\x1b[2J\x1b]0;owned\x07\x7f\x9b31m\u202e"
OF_A_SERVER = f"{ACTING}\r\n[ERR] forged \u2028"


def ours(leg: Leg) -> list[str]:
    return [line for line in leg.log() if "openai_audio_stream" in line]


def assert_printable(leg: Leg, *marks: str) -> None:
    """Each mark is in a line about this channel, and no line about it is one that acts."""
    leg.until(lambda: all(any(mark in line for line in ours(leg)) for mark in marks))
    assert [line for line in ours(leg) if not line.isprintable()] == []


@pytest.mark.rule("9.log")
def test_of_a_server(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say(
        "error", error={"type": f"mark-type{OF_A_SERVER}", "code": f"mark-code{OF_A_SERVER}", "message": OF_A_SERVER}
    )
    far.say(f"mark-event{OF_A_SERVER}", text=OF_A_SERVER)
    far.send(f"mark-text{OF_A_SERVER}")
    far.close(4000, f"mark-close{ACTING}\r\n")
    leg.event("disconnect")
    assert_printable(leg, "mark-type", "mark-code", "mark-close")


@pytest.mark.rule("9.log")
def test_of_variables(switch: Switch, far: FarEnd) -> None:
    names = ("BUFFER_SIZE", "HEART_BEAT", "RECORD", "SUPPRESS_LOG", "CONNECT_TIMEOUT_S")
    leg = switch.call(variables={f"STREAM_{name}": f"mark-{name}{ACTING}.wav" for name in names})
    leg.start(f"{far.url} mono 8k 8k")
    leg.ok("stop")
    assert_printable(leg, "STREAM_BUFFER_SIZE", "STREAM_HEART_BEAT", "STREAM_RECORD")
    leg.set_variable("STREAM_TLS_CA_FILE", f"/mark-file{ACTING}")
    reply = leg.api(f"start wss://127.0.0.1:{far.port}/ mono")
    assert reply.startswith("-ERR") and reply.isprintable()
    assert_printable(leg, "start failed")


@pytest.mark.rule("9.log")
def test_of_commands(leg: Leg) -> None:
    payload = base64.b64encode(ACTING.encode()).decode()
    commands = (f"st{ACTING}art", f"start ws://{ACTING} mono", f"list stream={ACTING}", f"mute {ACTING}")
    for command in (*commands, f"send_json {payload}", f"start ws://127.0.0.1:9/{ACTING} mono"):
        reply = leg.api(command)
        assert reply.startswith("-ERR") and reply.isprintable()
    assert_printable(leg, "command failed", "start failed", "list failed", "mute failed", "send_json failed")
