"""Over wss://."""

import asyncio
import gc
import logging
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from mod_openai_realtime.realtime import attempt
from mod_openai_realtime.realtime.endpoint import Endpoint, EndpointSettings, TlsSettings, TlsSettingsError

from .conftest import Bench, Recorder


async def echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)


@pytest.mark.parametrize("deflate", [True, False])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_messages_go_both_ways_over_tls(
    bench: Bench, server_tls: ssl.SSLContext, ca_file: str, host: str, deflate: bool
) -> None:
    port = await bench.serve(echo, ssl=server_tls)
    endpoint, recorder = bench.endpoint(f"wss://{host}:{port}/", tls=TlsSettings(ca_file), deflate=deflate)
    await recorder.until("connected")
    messages = [b"QUJD" * size for size in (1, 300, 100_000)]
    for message in messages:
        endpoint.send_text(message)
    await recorder.until("text", len(messages))
    assert recorder.named("text") == [("text", message) for message in messages]
    endpoint.stop()
    await recorder.until("ended")
    assert recorder.events[-2:] == [("disconnected", 1000, ""), ("ended",)]


async def test_an_unknown_authority_is_told(bench: Bench, server_tls: ssl.SSLContext) -> None:
    port = await bench.serve(echo, ssl=server_tls)
    _, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/?key=hidden")
    event = await recorder.until("failed")
    assert event[2].startswith("TLS certificate verification failed: ")
    assert event[4] == 0


async def test_a_certificate_for_another_host_is_told_unless_that_is_switched_off(
    bench: Bench, authority: trustme.CA, ca_file: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    port = await bench.serve(echo, ssl=context)
    _, strict = bench.endpoint(f"wss://localhost:{port}/", tls=TlsSettings(ca_file))
    assert "ostname mismatch" in (await strict.until("failed"))[2]
    _, lax = bench.endpoint(f"wss://localhost:{port}/", tls=TlsSettings(ca_file, check_hostname=False))
    await lax.until("connected")


async def test_without_verification_any_certificate_will_do(bench: Bench, server_tls: ssl.SSLContext) -> None:
    port = await bench.serve(echo, ssl=server_tls)
    _, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings("NONE"))
    await recorder.until("connected")


async def test_a_client_certificate_is_shown_where_it_is_asked_for(
    bench: Bench, server_tls: ssl.SSLContext, authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    server_tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server_tls)
    port = await bench.serve(echo, ssl=server_tls)
    pem = tmp_path / "client.pem"
    authority.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(pem)
    _, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings(ca_file, str(pem)))
    await recorder.until("connected")
    _, without = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings(ca_file))
    await without.until("failed")


async def test_a_server_that_speaks_no_tls_is_told(bench: Bench) -> None:
    port = await bench.serve(echo)
    _, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings("NONE"))
    assert (await recorder.until("failed"))[2].startswith(("TLS handshake failed: ", "Connection "))


async def test_a_stall_in_the_tls_handshake_is_given_up_in_time(bench: Bench) -> None:
    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings("NONE"), connect_timeout_s=0.05)
    assert (await recorder.until("failed"))[2] == "Connection timed out"


async def test_an_attempt_that_was_given_up_in_the_tls_handshake_is_not_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    def transports() -> int:
        gc.collect()
        return sum(type(each).__name__ == "SSLTransport_Socket" for each in gc.get_objects())

    before = transports()
    monkeypatch.setattr(attempt, "LINGER_S", 0.05)
    port = await bench.raw_server(serve)
    endpoint, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings("NONE"), connect_timeout_s=0.05)
    await recorder.until("failed")
    assert transports() > before
    endpoint.stop()
    await recorder.until("ended")
    async with asyncio.timeout(20):
        while transports() > before:  # noqa: ASYNC110 - a timer of the library's is waited for
            await asyncio.sleep(0)


async def test_a_stop_in_the_tls_handshake_ends_at_once_and_leaves_no_socket(bench: Bench) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        asked.set()
        await reader.read()
        gone.set()

    port = await bench.raw_server(serve)
    endpoint, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings("NONE"))
    await asyncio.wait_for(asked.wait(), 20)
    endpoint.stop()
    await asyncio.sleep(0)
    assert recorder.events == [("ended",)]
    await asyncio.wait_for(gone.wait(), 20)


async def test_a_server_that_hangs_up_in_the_tls_handshake_is_an_ordinary_failure(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings("NONE"))
    assert (await recorder.until("failed", 3))[2].startswith("Connection ")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_other_faults_still_reach_the_handler_of_the_loop(bench: Bench, server_tls: ssl.SSLContext) -> None:
    reports: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    port = await bench.serve(echo, ssl=server_tls)
    _, recorder = bench.endpoint(f"wss://127.0.0.1:{port}/", tls=TlsSettings("NONE"))
    await recorder.until("connected")
    loop.call_exception_handler({"message": "a fault", "exception": LookupError()})
    assert [report["message"] for report in reports] == ["a fault"]


async def test_settings_that_can_not_be_honoured_are_refused_at_the_start(tmp_path: Path) -> None:
    settings = EndpointSettings("wss://127.0.0.1:1/", tls=TlsSettings(str(tmp_path / "missing.pem")))
    endpoint = Endpoint(settings, Recorder())
    with pytest.raises(TlsSettingsError):
        endpoint.start()
