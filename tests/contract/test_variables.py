"""Section 4: the channel variables."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from audio.tones import level, noise
from contract import FarEnd, Leg, Switch
from contract.far_end import SILENT
from contract.pings import PingCounter

from mod_openai_realtime import __version__
from mod_openai_realtime.local.behaviour import Behaviour


def extensions(far: FarEnd) -> str:
    return far.handshakes[-1].headers.get("sec-websocket-extensions", "")


def tls_server(authority: trustme.CA, name: str, *, clients: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[FarEnd]:
    with FarEnd(tls=tls_server(authority, "127.0.0.1")) as end:
        yield end


def error_of(leg: Leg, far: FarEnd) -> str:
    """Why a start does not come to a connection."""
    leg.ok(f"start {far.url} mono")
    message = leg.event("error").json()["message"]
    assert message["http_status"] == 0 and far.connections == []
    return str(message["error"])


@pytest.mark.rule("4.1")
def test_deflate_is_offered_and_used(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono")
    assert "permessage-deflate" in extensions(far)
    assert far.connections[0].deflate
    text = json.dumps({"type": "long", "text": "again and again " * 500})
    far.send(text)
    assert leg.event("json").body.rstrip("\n") == text
    leg.ok(f"send_json {base64.b64encode(text.encode()).decode()}")
    far.until(lambda records: any(message.text == text for message in records[0].received))


@pytest.mark.rule("4.1")
def test_a_server_without_deflate_is_served_plainly(leg: Leg, far: FarEnd) -> None:
    far.behave(Behaviour(raw=True, deflate=False))
    leg.start(f"{far.url} mono 8k send")
    speech = noise(300, 8000)
    leg.tell(speech)
    leg.until(lambda: speech.tobytes() in far.audio().tobytes())
    assert not far.connections[0].deflate


@pytest.mark.rule("4.18", "4.1")
@pytest.mark.parametrize("value", ["true", "TRUE", "1", "yes", "on", "t", "enabled", "active", "allow", "2", "-1"])
def test_the_variable_forbids_deflate_with_every_word_for_true(switch: Switch, far: FarEnd, value: str) -> None:
    leg = switch.call(variables={"STREAM_MESSAGE_DEFLATE": value})
    leg.start(f"{far.url} mono")
    assert extensions(far) == "" and not far.connections[0].deflate


@pytest.mark.rule("4.18", "4.6")
@pytest.mark.parametrize("value", ["false", "0", "no", "off", "maybe", "truee", "y"])
def test_anything_else_is_not_true(switch: Switch, far: FarEnd, value: str) -> None:
    leg = switch.call(variables={"STREAM_MESSAGE_DEFLATE": value})
    leg.start(f"{far.url} mono")
    assert "permessage-deflate" in extensions(far)


@pytest.mark.rule("4.6")
def test_bad_values_warn_and_the_call_goes_on_with_defaults(switch: Switch, far: FarEnd) -> None:
    bad = {
        "STREAM_MESSAGE_DEFLATE": "perhaps",
        "STREAM_HEART_BEAT": "3601",
        "STREAM_SUPPRESS_LOG": "perhaps",
        "STREAM_BUFFER_SIZE": "21",
        "STREAM_NO_RECONNECT": "perhaps",
        "STREAM_TLS_DISABLE_HOSTNAME_VALIDATION": "perhaps",
        "STREAM_DISABLE_AUDIOFILES": "perhaps",
    }
    leg = switch.call(variables=bad)
    leg.start(f"{far.url} mono 8k 8k")
    leg.until(lambda: all(any(name in line for line in leg.warnings()) for name in bad))
    far.drop()
    leg.event("connect")
    far.speak(noise(100, 8000))
    leg.event("play")


@pytest.mark.rule("4.2")
def test_an_idle_connection_is_pinged(switch: Switch) -> None:
    leg = switch.call(variables={"STREAM_HEART_BEAT": "1"})
    with PingCounter() as far:
        leg.start(f"{far.url} recv")
        far.wait_pings(2)
        assert far.connections == 1
        assert leg.events("disconnect") == []
        leg.ok("stop")


@pytest.mark.rule("4.2", "4.6")
def test_without_a_valid_heart_beat_there_are_no_pings(leg: Leg) -> None:
    values = ["", "0", "-1", "3601", "1.5", "abc"]
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(PingCounter()) for _ in values]
        pinged = stack.enter_context(PingCounter())
        for number, (value, far) in enumerate(zip(values, silent, strict=True)):
            leg.set_variable("STREAM_HEART_BEAT", value)
            leg.start(f"{far.url} mono 8k mute_user send stream=s{number}")
        leg.set_variable("STREAM_HEART_BEAT", "1")
        leg.start(f"{pinged.url} mono 8k mute_user send stream=pinged")
        pinged.wait_pings(2)
        assert [far.pings for far in silent] == [0] * len(values)
        leg.hangup()


@pytest.mark.rule("4.3", "3.2")
def test_no_pong_in_time_is_a_lost_connection(switch: Switch) -> None:
    leg = switch.call(variables={"STREAM_HEART_BEAT": "1"})
    with PingCounter(answers=False) as far:
        leg.start(f"{far.url} recv")
        assert leg.event("disconnect").json()["message"]["code"] == 1006
        far.wait_connections(2)
        leg.ok("stop")


@pytest.mark.rule("4.4")
@pytest.mark.parametrize("suppressed", [True, False])
def test_the_log_holds_no_secrets_if_it_is_suppressed(switch: Switch, far: FarEnd, suppressed: bool) -> None:
    leg = switch.call(variables={"STREAM_SUPPRESS_LOG": str(suppressed).lower(), "STREAM_OPENAI_API_KEY": "kkkeyyy"})
    leg.start(f"{far.url}?token=uritokkken mono 8k 8k")
    far.send('{"type":"incommming"}', "plainnn text")
    assert leg.event("json").body.rstrip("\n") == '{"type":"incommming"}'
    assert leg.event("json").body.rstrip("\n") == "plainnn text"
    leg.ok("send_json " + base64.b64encode(b'{"type":"outgoinggg"}').decode())
    final = base64.b64encode(b'{"type":"finalll"}').decode()
    leg.ok(f"stop {final}")
    far.until_closed()
    leg.event("disconnect")
    leg.until(lambda: any("disconnected" in line for line in leg.log()))
    log = "\n".join(leg.log())
    assert "kkkeyyy" not in log and "uritokkken" not in log
    if suppressed:
        assert not any(word in log for word in ("incommming", "plainnn", "outgoinggg", "finalll", final))
    else:
        assert "incommming" in log and "outgoinggg" in log


@pytest.mark.rule("4.7", "4.8", "9.headers")
def test_extra_headers_and_the_key_are_in_the_handshake(switch: Switch, far: FarEnd) -> None:
    headers = {"X-Tenant": "blue, green", "api-key": "azure", "authorization": "Basic loses"}
    leg = switch.call(
        variables={"STREAM_EXTRA_HEADERS": json.dumps(headers), "STREAM_OPENAI_API_KEY": "sk-wins"},
    )
    leg.start(f"{far.url} mono")
    seen = far.handshakes[0].headers
    assert seen["x-tenant"] == "blue, green" and seen["api-key"] == "azure"
    assert seen["authorization"] == "Bearer sk-wins"
    assert "openai-beta" not in seen
    assert seen["user-agent"] == f"mod_openai_realtime/{__version__}"


@pytest.mark.rule("9.headers")
def test_a_header_value_may_be_any_printable_text(switch: Switch, far: FarEnd) -> None:
    headers = {"X-Name": "caf\u00e9 \u4e16\u754c \U0001f468\u200d\U0001f469", "User-Agent": "mine/2"}
    leg = switch.call(variables={"STREAM_EXTRA_HEADERS": json.dumps(headers, ensure_ascii=False)})
    leg.start(f"{far.url} mono")
    seen = far.handshakes[0].headers
    # The server's library hands out bytes as it got them.
    assert seen["x-name"].encode("latin-1", "surrogateescape").decode() == headers["X-Name"]
    assert seen["user-agent"] == "mine/2"


@pytest.mark.rule("4.7", "4.8")
def test_an_authorization_of_ones_own_counts_where_there_is_no_key(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_EXTRA_HEADERS": '{"Authorization":"Basic abc"}'})
    leg.start(f"{far.url} mono")
    assert far.handshakes[0].headers["authorization"] == "Basic abc"


@pytest.mark.rule("4.8")
def test_without_a_key_there_is_no_authorization(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono")
    assert "authorization" not in far.handshakes[0].headers


@pytest.mark.rule("4.9", "3.9")
def test_without_reconnection_what_is_queued_is_heard_and_the_stream_ends(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_NO_RECONNECT": "1"})
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(1200, 8000)
    far.speak(speech)
    far.finish()
    leg.event("openai_speech_start")
    far.close(1000)
    leg.event("disconnect")
    assert leg.api("list") != "+OK []"
    leg.event("openai_speech_stop")
    leg.until(lambda: speech.tobytes() in leg.heard().tobytes())
    leg.until(lambda: leg.api("list") == "+OK []" and leg.bugs() == 0)
    assert len(far.handshakes) == 1
    leg.start(f"{far.url} mono 8k 8k")


@pytest.mark.rule("4.10")
def test_without_reconnection_a_paused_stream_ends_at_once(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_NO_RECONNECT": "true"})
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(noise(60_000, 8000))
    leg.event("openai_speech_start")
    leg.ok("pause")
    far.drop()
    leg.until(lambda: leg.api("list") == "+OK []" and leg.bugs() == 0)
    leg.run(100)
    assert level(leg.heard()[-400:]) < 1
    leg.event("openai_speech_stop")
    assert len(far.handshakes) == 1


@pytest.mark.rule("4.11")
def test_a_server_of_the_ca_file_is_trusted(switch: Switch, secure: FarEnd, bundle: str) -> None:
    leg = switch.call(variables={"STREAM_TLS_CA_FILE": bundle})
    leg.start(f"{secure.url} mono 8k 8k")
    assert secure.connections[0].tls
    said, heard = noise(300, 8000, seed=1), noise(300, 8000, seed=2)
    secure.speak(heard)
    leg.tell(said)
    leg.until(lambda: said.tobytes() in secure.audio().tobytes() and heard.tobytes() in leg.heard().tobytes())


@pytest.mark.rule("4.11")
def test_a_server_of_another_authority_is_refused(switch: Switch, bundle: str) -> None:
    leg = switch.call(variables={"STREAM_TLS_CA_FILE": bundle})
    with FarEnd(tls=tls_server(trustme.CA(), "127.0.0.1")) as far:
        assert "certificate" in error_of(leg, far).lower()


@pytest.mark.rule("4.12")
@pytest.mark.parametrize("value", ["", "SYSTEM"])
def test_a_server_unknown_to_the_system_is_refused(switch: Switch, secure: FarEnd, value: str) -> None:
    leg = switch.call(variables={"STREAM_TLS_CA_FILE": value} if value else {})
    assert "certificate" in error_of(leg, secure).lower()


@pytest.mark.rule("4.13")
def test_none_trusts_any_server(switch: Switch) -> None:
    leg = switch.call(variables={"STREAM_TLS_CA_FILE": "NONE"})
    with FarEnd(tls=tls_server(trustme.CA(), "elsewhere.test")) as far:
        leg.start(f"{far.url} mono")
        assert far.connections[0].tls


@pytest.mark.rule("4.15")
def test_the_host_name_is_checked_unless_switched_off(switch: Switch, authority: trustme.CA, bundle: str) -> None:
    with FarEnd(tls=tls_server(authority, "elsewhere.test")) as far:
        leg = switch.call(variables={"STREAM_TLS_CA_FILE": bundle})
        assert "certificate" in error_of(leg, far).lower()
        leg.ok("stop")
        leg.set_variable("STREAM_TLS_DISABLE_HOSTNAME_VALIDATION", "true")
        leg.start(f"{far.url} mono")


@pytest.mark.rule("4.14")
def test_the_client_certificate_is_presented(
    switch: Switch, authority: trustme.CA, bundle: str, tmp_path: Path
) -> None:
    clients = trustme.CA()
    identity = clients.issue_cert("caller@example.test")
    identity.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    identity.private_key_pem.write_to_path(str(tmp_path / "client.key"))
    with FarEnd(tls=tls_server(authority, "127.0.0.1", clients=clients)) as far:
        leg = switch.call(variables={"STREAM_TLS_CA_FILE": bundle})
        leg.ok(f"start {far.url} mono")
        # With TLS 1.3 a client learns that its certificate was missed only after its own handshake.
        leg.event("error")
        assert far.connections == []
        leg.ok("stop")
        leg.set_variable("STREAM_TLS_CERT_FILE", str(tmp_path / "client.pem"))
        leg.set_variable("STREAM_TLS_KEY_FILE", str(tmp_path / "client.key"))
        leg.start(f"{far.url} mono")


@pytest.mark.rule("4.19", "2.29")
def test_a_security_setting_that_can_not_be_honoured_refuses_the_start(
    switch: Switch, secure: FarEnd, tmp_path: Path
) -> None:
    leg = switch.call()
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    pipe = tmp_path / "pipe.pem"
    os.mkfifo(pipe)
    for name, value in (
        ("STREAM_TLS_CA_FILE", str(tmp_path / "missing.pem")),
        ("STREAM_TLS_CA_FILE", str(garbage)),
        ("STREAM_TLS_CERT_FILE", str(tmp_path / "missing.pem")),
        ("STREAM_TLS_CERT_FILE", str(garbage)),
        ("STREAM_TLS_CA_FILE", str(pipe)),
        ("STREAM_TLS_CA_FILE", "/dev/zero"),
        ("STREAM_OPENAI_API_KEY", "topsecret" * 20_000),
        ("STREAM_EXTRA_HEADERS", '{"A":1}'),
        ("STREAM_EXTRA_HEADERS", '["A"]'),
        ("STREAM_EXTRA_HEADERS", '{"A":"topsecret"'),
        ("STREAM_EXTRA_HEADERS", '{"A B":"topsecret"}'),
    ):
        leg.set_variable(name, value)
        reply = leg.api(f"start {secure.url} mono")
        assert reply.startswith("-ERR ") and len(reply) > 6, f"{name}={value[:50]}: {reply}"
        assert "topsecret" not in reply and "127.0.0.1" not in reply
        assert leg.api("list") == "+OK []" and leg.bugs() == 0
        leg.set_variable(name, "")
    assert secure.handshakes == []


@pytest.mark.rule("4.17", "6.1", "6.2")
def test_the_deprecated_variable_means_raw_mode_with_a_warning(switch: Switch, far: FarEnd) -> None:
    far.behave(SILENT)
    leg = switch.call(variables={"STREAM_RAW_AUDIO": "true"})
    leg.start(f"{far.url} mono 8k 8k")
    leg.until(lambda: any("STREAM_RAW_AUDIO" in line for line in leg.warnings()))
    said, heard = noise(200, 8000, seed=1), noise(200, 8000, seed=2)
    far.send(heard.tobytes())
    leg.tell(said)
    leg.until(lambda: said.tobytes() in far.audio().tobytes() and heard.tobytes() in leg.heard().tobytes())
    assert all(message.binary for message in far.messages())
