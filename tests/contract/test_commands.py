"""Section 2: the grammar of the commands and the texts of their replies."""

from __future__ import annotations

import base64
import json

import pytest
from contract import FarEnd, Leg, Switch
from contract.switch import API, RAW_API

NOWHERE = "ws://127.0.0.1:9/"
JSON_64 = base64.b64encode(b'{"type":"x"}').decode()
RATE_RULE = "sample rate; expected a multiple of 8000 from 8000 to 48000"

# What follows the uuid -> the reason. None of these needs a stream.
REFUSED = {
    "": "Expected a channel UUID and command",
    "dance": "Unknown command",
    "list a b c d e f g h i j k l m n": "Too many command arguments",
    "stop": "Stream not found",
    "pause": "Stream not found",
    "break": "Stream not found",
    "stop stream=a stream=a": "Specify only one stream selector",
    "list stream=a stream=b": "Specify only one stream selector",
    "stop stream=": "Invalid stream name; expected 1-64 lowercase letters, digits, '_' or '-'",
    "stop stream=UPPER": "Invalid stream name; expected 1-64 lowercase letters, digits, '_' or '-'",
    f"stop stream={'a' * 65}": "Invalid stream name; expected 1-64 lowercase letters, digits, '_' or '-'",
    f"start {NOWHERE} mono send both": "Specify only one audio direction: send, recv or both",
    f"start {NOWHERE} recv both": "Specify only one audio direction: send, recv or both",
    "start": "Start requires a WebSocket URI and mix type (mono, mixed or stereo)",
    f"start {NOWHERE}": "Start requires a WebSocket URI and mix type (mono, mixed or stereo)",
    "start recv": "Start requires a WebSocket URI",
    f"start {NOWHERE} both-ears": "Invalid mix type; expected mono, mixed or stereo",
    f"start {NOWHERE} MONO": "Invalid mix type; expected mono, mixed or stereo",
    "start http://127.0.0.1/ mono": "Invalid WebSocket URI; expected ws:// or wss:// with a valid host and port",
    "start ws://127.0.0.1:0/ mono": "Invalid WebSocket URI; expected ws:// or wss:// with a valid host and port",
    "start ws:// recv": "Invalid WebSocket URI; expected ws:// or wss:// with a valid host and port",
    f"start {NOWHERE} mono 11025": f"Invalid send {RATE_RULE}",
    f"start {NOWHERE} mono 56000": f"Invalid send {RATE_RULE}",
    f"start {NOWHERE} mono 0": f"Invalid send {RATE_RULE}",
    f"start {NOWHERE} mono 8k 11k": f"Invalid playback {RATE_RULE}",
    f"start {NOWHERE} recv 44100": f"Invalid playback {RATE_RULE}",
    f"start {NOWHERE} mono 8k 8k loud": "Unexpected start argument; check rates, direction and mute_user",
    f"start {NOWHERE} mono 8k 8k send": "Unexpected start argument; check rates, direction and mute_user",
    f"start {NOWHERE} recv mute_user": "Unexpected start argument; check rates, direction and mute_user",
    "pause now": "Pause and resume accept no arguments",
    "break now": "Break accepts no arguments",
    "resume now": "Pause and resume accept no arguments",
    "stop a b": "Stop accepts at most one Base64 JSON payload",
    "send_json": "send_json requires exactly one Base64 JSON payload",
    f"send_json {JSON_64} {JSON_64}": "send_json requires exactly one Base64 JSON payload",
    "mute user user": "Mute and unmute accept at most one target",
    "unmute a b": "Mute and unmute accept at most one target",
    "mute everybody": "Invalid mute target; expected user, openai or all",
    "list all": "List accepts only an optional stream selector",
}


@pytest.mark.rule("2.28", "2.3")
def test_a_wrong_command_is_refused_with_the_exact_reason(leg: Leg) -> None:
    replies = {command: leg.api(command) for command in REFUSED}
    assert replies == {command: f"-ERR {reason}" for command, reason in REFUSED.items()}


@pytest.mark.rule("2.28", "2.29")
def test_a_bad_payload_is_refused_with_the_exact_reason(leg: Leg, far: FarEnd) -> None:
    def sending(payload: bytes) -> str:
        return leg.api(f"send_json {base64.b64encode(payload).decode()}")

    leg.start(f"{far.url} mono")
    assert leg.api("send_json ****") == "-ERR Payload is not valid Base64"
    assert sending(b'{"a":"\xff"}') == "-ERR Payload is not valid UTF-8"
    assert sending(b'{"a":"\0"}') == "-ERR Payload contains a NUL byte"
    assert sending(b'{"secret":1') == "-ERR Payload is not a complete JSON value"


@pytest.mark.rule("2.3")
def test_what_is_too_long_for_a_command_is_refused(leg: Leg, far: FarEnd) -> None:
    too_long = "-ERR Command is too long"
    assert leg.api("list " + "x" * 16_379) == "-ERR List accepts only an optional stream selector"
    assert leg.api("list " + "x" * 16_380) == too_long
    assert leg.api("list " + "x " * 10_000) == too_long
    assert leg.api("x" * 20_000 + " stream=a") == f"{too_long} [stream=a]"
    leg.start(f"{far.url}/{'a' * (4095 - 1 - len(far.url))} mono")
    payload = json.dumps({"type": "x", "text": "a" * 100_000}).encode()
    assert leg.api(f"SEND_JSON {base64.b64encode(payload).decode()}") == "+OK Success"


@pytest.mark.rule("2.28", "2.3")
def test_commands_for_a_stream_that_is_not_there_say_so(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono")
    for verb in ("stop", "pause", "resume", "break", "mute", "unmute", f"send_json {JSON_64}", "list"):
        assert leg.api(f"{verb} stream=other") == "-ERR Stream not found [stream=other]"


@pytest.mark.rule("2.28", "2.11")
def test_a_name_in_use_is_refused_and_default_is_the_name_of_none(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono send")
    assert leg.api(f"start {far.url} mono send") == "-ERR Stream already exists"
    assert leg.api(f"start {far.url} mono send stream=default") == "-ERR Stream already exists [stream=default]"
    leg.ok("stop stream=default")
    assert leg.api("stop") == "-ERR Stream not found"


@pytest.mark.rule("2.28")
def test_a_direction_that_is_not_there_can_not_be_muted(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono send stream=ear")
    leg.start(f"{far.url} recv stream=mouth")
    assert leg.api("mute openai stream=ear") == "-ERR Receive audio is disabled for this stream [stream=ear]"
    assert leg.api("unmute recv stream=ear") == "-ERR Receive audio is disabled for this stream [stream=ear]"
    assert leg.api("mute stream=mouth") == "-ERR Send audio is disabled for this stream [stream=mouth]"
    assert leg.api("unmute user stream=mouth") == "-ERR Send audio is disabled for this stream [stream=mouth]"


@pytest.mark.rule("2.28", "2.16", "2.26")
def test_without_a_connection_messages_fail_and_a_mute_takes_effect_all_the_same(leg: Leg) -> None:
    leg.ok(f"start {NOWHERE} mono")
    assert leg.api(f"send_json {JSON_64}") == "-ERR WebSocket is not connected"
    assert leg.api("mute") == "-ERR User audio muted; WebSocket is not connected"
    assert json.loads(leg.api("list").removeprefix("+OK "))[0]["send_muted"] is True
    assert leg.api(f"stop {JSON_64}") == "-ERR Stream stopped; final message failed: WebSocket is not connected"
    assert leg.api("list") == "+OK []"


@pytest.mark.rule("2.28")
def test_an_unknown_channel_is_not_found(switch: Switch) -> None:
    for api in (API, RAW_API):
        assert switch.api(api, "no-such-channel list") == "-ERR Channel not found"
        assert switch.api(api, f"no-such-channel start {NOWHERE} mono") == "-ERR Channel not found"
        assert switch.api(api, "no-such-channel stop stream=a") == "-ERR Channel not found [stream=a]"
        assert switch.api(api, "no-such-channel dance") == "-ERR Unknown command"
        assert switch.api(api, "no-such-channel") == "-ERR Expected a channel UUID and command"


@pytest.mark.rule("2.4", "1.2")
def test_an_empty_command_prints_the_usage(switch: Switch) -> None:
    for api in (API, RAW_API):
        assert switch.api(api).startswith("USAGE")


@pytest.mark.rule("2.1", "1.2")
def test_both_apis_control_the_same_streams(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono")
    assert leg.api("list", RAW_API) == leg.api("list", API)
    leg.ok("PAUSE", RAW_API)
    assert json.loads(leg.api("list", API).removeprefix("+OK "))[0]["paused"] is True
    assert leg.api("dance", RAW_API) == "-ERR Unknown command"
    leg.ok("stop", RAW_API)
    assert leg.api("list", API) == "+OK []"


@pytest.mark.rule("2.2", "2.14")
def test_verbs_mute_user_and_targets_ignore_case(leg: Leg, far: FarEnd) -> None:
    def state() -> dict[str, object]:
        entry: dict[str, object] = json.loads(leg.api("LIST").removeprefix("+OK "))[0]
        return entry

    leg.ok(f"Start {far.url} mono Mute_User")
    assert state()["send_muted"] is True
    leg.ok("UnMute USER")
    assert state()["send_muted"] is False
    leg.ok("MUTE OpenAI")
    assert state()["recv_muted"] is True
    leg.ok("STOP")


@pytest.mark.rule("2.30")
def test_a_direction_stands_anywhere_after_the_uri(leg: Leg, far: FarEnd) -> None:
    for words in ("send mono 16k", "mono send 16k", "mono 16k send"):
        leg.start(f"{far.url} {words} stream={words.replace(' ', '-')}")
        leg.until(lambda: far.messages())
        assert {len(message.audio) for message in far.messages()} == {640}
    for words in ("8k recv", "recv 8k", "both stereo 8k 8k mute_user", "mono 8k both 8k"):
        leg.start(f"{far.url} {words} stream=plays")
        leg.ok("stop stream=plays")
    leg.start(f"{far.url} 8k recv stream=plays")
    listed = json.loads(leg.api("list").removeprefix("+OK "))
    assert [entry["direction"] for entry in listed] == ["send", "send", "send", "recv"]
    reason = "-ERR Specify only one audio direction: send, recv or both"
    assert leg.api(f"start {NOWHERE} send mono 8k recv") == reason


@pytest.mark.rule("2.3")
def test_an_error_names_the_stream_that_the_command_named(leg: Leg) -> None:
    assert leg.api("stop stream=a") == "-ERR Stream not found [stream=a]"
    assert leg.api("stop") == "-ERR Stream not found"
    assert leg.api("stream=a stop") == "-ERR Unknown command"
    assert leg.api("mute everybody stream=b_1") == "-ERR Invalid mute target; expected user, openai or all [stream=b_1]"
    assert leg.api("start stream=x").endswith("(mono, mixed or stereo) [stream=x]")


@pytest.mark.rule("2.5")
@pytest.mark.parametrize(
    "uri",
    [
        "ws://localhost/",
        "wss://api.example.test:8443/v1/realtime?model=a&b=c",
        "ws://127.0.0.1:9",
        "WS://[::1]:9/path",
        "ws://name_with.underscore:9?query",
        "ws://127.0.0.1:9/" + "p" * (4095 - len("ws://127.0.0.1:9/")),
    ],
    ids=lambda uri: uri[:24],
)
def test_a_good_uri_is_accepted(leg: Leg, uri: str) -> None:
    leg.ok(f"start {uri} mono")
    leg.ok("stop")


@pytest.mark.rule("2.5")
def test_a_bad_uri_is_refused(leg: Leg) -> None:
    bad = [
        "ws://",
        "ws://:80/",
        "ws:///path",
        "ws://host:/",
        "ws://host:65536/",
        "ws://host:x/",
        "ws://[::1/",
        "ws://[fe80::g]/",
        "ws://300.1.1.1/",
        "ws://user:secret@host/",
        "ws://ho_st..name/",
        "https://host/",
        "//host/",
        "ws://127.0.0.1:9/" + "p" * 4079,
    ]
    reason = "-ERR Invalid WebSocket URI; expected ws:// or wss:// with a valid host and port"
    assert {uri: leg.api(f"start {uri} mono") for uri in bad} == dict.fromkeys(bad, reason)


@pytest.mark.rule("2.9")
def test_every_rate_is_accepted(leg: Leg) -> None:
    for rate in ("8k", "16k", "24k", *map(str, range(8000, 48001, 8000))):
        leg.ok(f"start {NOWHERE} mono {rate} {rate}")
        leg.ok("stop")


@pytest.mark.rule("2.9")
def test_any_other_rate_is_refused(leg: Leg) -> None:
    for rate in ("8K", "32k", "8000.0", "08000", "-8000", "+8000", "7999", "48001", "56000", "8000000000000"):
        assert leg.api(f"start {NOWHERE} mono {rate}") == f"-ERR Invalid send {RATE_RULE}"


@pytest.mark.rule("2.11")
def test_stream_names_of_all_lengths_are_accepted(leg: Leg) -> None:
    for name in ("a", "0", "_", "-", "a-b_9", "z" * 64):
        leg.ok(f"start {NOWHERE} mono send stream={name}")
        assert [entry["name"] for entry in json.loads(leg.api("list").removeprefix("+OK "))] == [name]
        leg.ok(f"stop stream={name}")


@pytest.mark.rule("2.11")
def test_the_selector_may_stand_anywhere_behind_the_verb(leg: Leg) -> None:
    leg.ok(f"start stream=a {NOWHERE} mono send")
    leg.ok(f"start {NOWHERE} stream=b mono send")
    assert leg.api("mute stream=a user") == "-ERR User audio muted; WebSocket is not connected [stream=a]"
    assert [entry["name"] for entry in json.loads(leg.api("list").removeprefix("+OK "))] == ["a", "b"]


@pytest.mark.rule("2.13", "2.12", "2.28")
def test_only_one_stream_plays_until_it_is_stopped(leg: Leg) -> None:
    owned = "-ERR Playback is already enabled by stream 'mouth'"
    leg.ok(f"start {NOWHERE} recv stream=mouth")
    for name in ("a", "b", "c"):
        leg.ok(f"start {NOWHERE} mono send stream={name}")
    assert leg.api(f"start {NOWHERE} mono stream=d") == f"{owned} [stream=d]"
    assert leg.api(f"start {NOWHERE} recv") == owned
    leg.ok("pause stream=mouth")
    leg.ok("mute openai stream=mouth")
    assert leg.api(f"start {NOWHERE} mono both") == owned
    leg.ok("stop stream=mouth")
    leg.ok(f"start {NOWHERE} mono both")
    assert leg.api(f"start {NOWHERE} recv stream=e") == (
        "-ERR Playback is already enabled by stream 'default' [stream=e]"
    )


@pytest.mark.rule("2.15")
def test_start_works_in_early_media(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(state="early")
    leg.start(f"{far.url} mono")
    leg.ok("stop")


@pytest.mark.rule("2.15")
def test_start_brings_a_ringing_call_to_early_media(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(state="ringing")
    leg.start(f"{far.url} mono")
    leg.ok("stop")


@pytest.mark.rule("2.15")
@pytest.mark.stepped
def test_start_is_refused_where_early_media_is_out_of_reach(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(state="no-media")
    reply = leg.api(f"start {far.url} mono")
    assert reply.startswith("-ERR ") and far.url not in reply
    assert far.handshakes == []


@pytest.mark.rule("2.27", "2.29")
def test_list_describes_every_stream_and_tells_no_secret(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_OPENAI_API_KEY": "sk-secret"})
    assert leg.api("list") == "+OK []"
    leg.start(f"{far.url} mono send mute_user stream=ear")
    leg.ok(f"start {NOWHERE} recv stream=mouth")
    leg.ok("pause stream=mouth")
    leg.ok("mute openai stream=mouth")
    reply = leg.api("list")
    assert "secret" not in reply and "127.0.0.1" not in reply
    ear = {
        "name": "ear",
        "direction": "send",
        "connected": True,
        "paused": False,
        "send_muted": True,
        "recv_muted": False,
    }
    mouth = {
        "name": "mouth",
        "direction": "recv",
        "connected": False,
        "paused": True,
        "send_muted": False,
        "recv_muted": True,
    }
    assert json.loads(reply.removeprefix("+OK ")) == [ear, mouth]
    assert json.loads(leg.api("list stream=mouth").removeprefix("+OK ")) == [mouth]


@pytest.mark.rule("2.29")
def test_no_error_repeats_a_uri_a_payload_or_a_key(switch: Switch) -> None:
    leg = switch.call(variables={"STREAM_OPENAI_API_KEY": "secret-key"})
    leg.ok(f"start {NOWHERE} mono")
    secret = base64.b64encode(b'{"secret":"payload"}').decode()
    broken = base64.b64encode(b'{"secret":"payload"').decode()
    commands = [
        f"send_json {secret}",
        f"send_json {broken}",
        f"stop {broken}",
        "start ws://secret:secret@host/ mono",
        "start ws://host/?secret mono 1",
        "start ws://host/?secret mono secret",
        "start secret secret",
        "secret",
        "mute secret",
    ]
    for command in commands:
        reply = leg.api(command)
        assert reply.startswith("-ERR ") and "\n" not in reply
        assert "secret" not in reply and secret not in reply and broken not in reply


@pytest.mark.rule("9.log-command")
def test_a_command_that_fails_is_in_the_log_with_its_verb_and_reason_and_nothing_else(leg: Leg) -> None:
    secret = base64.b64encode(b'{"secret":"payload"').decode()
    said = {
        f"START {NOWHERE}?secret mono 1": f"default: start failed: Invalid send {RATE_RULE}",
        f"start {NOWHERE} secret stream=ear": "ear: start failed: Invalid mix type; expected mono, mixed or stereo "
        "[stream=ear]",
        f"stop {secret} stream=ear": "ear: stop failed: Stream not found [stream=ear]",
        f"send_json {secret}": "default: send_json failed: Stream not found",
        "mute secret": "default: mute failed: Invalid mute target; expected user, openai or all",
        "secret": "default: command failed: Unknown command",
        "": "default: command failed: Expected a channel UUID and command",
    }
    for command in said:
        assert leg.api(command).startswith("-ERR ")
    lines = [f"WARNING openai_audio_stream {text}" for text in said.values()]
    leg.until(lambda: len(leg.warnings()) >= len(lines))
    assert leg.warnings() == lines


@pytest.mark.rule("9.log-command")
def test_a_command_for_no_channel_is_in_the_log_without_what_stood_in_the_uuids_place(switch: Switch) -> None:
    switch.api(API, "secret-uuid stop")
    switch.api(API, f"wss://secret/?key={'x' * 300} start")
    gone = "0b5f3c8e-0000-4000-8000-00000000dead"
    switch.api(API, f"{gone} list")
    log = switch.whole_log()
    for text in ("stop failed: Channel not found", "start failed: Channel not found", "list failed: Channel not found"):
        assert f"openai_audio_stream default: {text}" in log
    assert any(line.startswith(gone) and "list failed" in line for line in log.splitlines())
    assert not any("failed" in line and "secret" in line for line in log.splitlines())


@pytest.mark.rule("1.3")
def test_the_console_completes_uuids_and_verbs(switch: Switch) -> None:
    leg = switch.call()
    for api in (API, RAW_API):
        leg.until(lambda: leg.uuid in switch.completions(f"{api} "))  # noqa: B023
        offered = switch.completions(f"{api} {leg.uuid} ")
        assert {"start", "stop", "pause", "resume", "break", "mute", "unmute", "send_json", "list"} <= set(offered)
