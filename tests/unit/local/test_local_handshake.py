"""What a client asks for as it connects: subprotocols, keys, models, kinds of session; and POST of a client secret."""

import asyncio
import json
from http.client import HTTPConnection
from typing import Any

import pytest
from openai.types.realtime import ClientSecretCreateResponse
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from mod_openai_realtime.local.client_secrets import ClientSecrets
from mod_openai_realtime.local.server import LocalEndpoint


def endpoint(**options: Any) -> LocalEndpoint:
    return LocalEndpoint(vad=False, agent=[{"tone_hz": 400, "ms": 100}], **options)


async def first_event(client: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await client.recv())
    return event


async def post(server: LocalEndpoint, body: bytes | None, headers: dict[str, str], **request: Any) -> tuple[int, Any]:
    def run() -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        path = request.get("path", "/v1/realtime/client_secrets")
        connection.request(request.get("method", "POST"), path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    return await asyncio.to_thread(run)


@pytest.mark.parametrize("more", [[], ["openai-insecure-api-key.k"], ["openai-organization.o", "openai-project.p"]])
async def test_a_browser_s_subprotocol_is_chosen(more: list[str]) -> None:
    offered = [Subprotocol(each) for each in ("realtime", *more)]
    async with endpoint() as server, connect(server.url, subprotocols=offered) as client:
        assert client.subprotocol == "realtime"
        assert (await first_event(client))["type"] == "session.created"


async def test_subprotocols_that_nobody_knows_are_passed_over() -> None:
    async with endpoint() as server, connect(server.url, subprotocols=[Subprotocol("chat")]) as client:
        assert client.subprotocol is None


async def test_the_key_may_be_in_a_subprotocol() -> None:
    async with endpoint(api_key="secret") as server:
        offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.secret")]
        async with connect(server.url, subprotocols=offered) as client:
            assert (await first_event(client))["type"] == "session.created"
        offered[1] = Subprotocol("openai-insecure-api-key.wrong")
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.url, subprotocols=offered)
        assert caught.value.response.status_code == 401


async def closed_with(server: LocalEndpoint, path: str, **options: Any) -> tuple[dict[str, Any], int, str]:
    async with connect(f"{server.base_url}{path}", **options) as client:
        error = (await first_event(client))["error"]
        with pytest.raises(ConnectionClosed):
            await client.recv()
    assert client.close_code is not None
    return error, client.close_code, client.close_reason or ""


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"OpenAI-Beta": "realtime=v1"}},
        {"subprotocols": [Subprotocol("realtime"), Subprotocol("openai-beta.realtime-v1")]},
    ],
    ids=["header", "subprotocol"],
)
async def test_the_beta_is_refused_in_the_service_s_words(options: dict[str, Any]) -> None:
    async with endpoint() as server:
        error, code, reason = await closed_with(server, "/realtime?model=m", **options)
    assert error["code"] == "beta_api_shape_disabled"
    assert error["message"] == "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
    assert (code, reason) == (4000, "invalid_request_error.beta_api_shape_disabled")


async def test_a_model_is_asked_for() -> None:
    async with endpoint() as server:
        error, code, reason = await closed_with(server, "/realtime")
    assert (error["code"], error["message"]) == ("missing_model", "You must provide a model parameter.")
    assert (code, reason) == (4000, "invalid_request_error.missing_model")


async def test_the_intent_makes_a_transcription_session() -> None:
    async with endpoint() as server, connect(f"{server.base_url}/realtime?intent=transcription") as client:
        session = (await first_event(client))["session"]
        assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")


async def test_a_client_secret_opens_the_session_that_it_was_made_for() -> None:
    async with endpoint(api_key="secret") as server:
        asked = {
            "expires_after": {"anchor": "created_at", "seconds": 60},
            "session": {"type": "realtime", "model": "mine", "instructions": "Be brief.", "tools": None},
        }
        authorization = {"Authorization": "Bearer secret"}
        status, made = await post(server, json.dumps(asked).encode(), authorization)
        assert status == 200
        ClientSecretCreateResponse.model_validate(made, strict=True)
        assert made["session"]["instructions"] == "Be brief."
        headers = {"Authorization": f"Bearer {made['value']}"}
        async with connect(f"{server.base_url}/realtime", additional_headers=headers) as client:
            session = (await first_event(client))["session"]
            assert (session["model"], session["instructions"]) == ("mine", "Be brief.")
        offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{made['value']}")]
        async with connect(f"{server.base_url}/realtime?model=mine", subprotocols=offered) as client:
            assert (await first_event(client))["session"]["instructions"] == "Be brief."
        # One secret does not make another.
        assert (await post(server, b"{}", headers))[0] == 401


async def test_a_client_secret_may_be_for_transcription() -> None:
    async with endpoint() as server:
        status, made = await post(server, b'{"session": {"type": "transcription"}}', {})
        assert (status, made["session"]["type"]) == (200, "transcription")
        ClientSecretCreateResponse.model_validate(made, strict=True)
        headers = {"Authorization": f"Bearer {made['value']}"}
        async with connect(f"{server.base_url}/realtime", additional_headers=headers) as client:
            assert (await first_event(client))["session"]["type"] == "transcription"


@pytest.mark.parametrize(
    ("body", "headers", "request_", "status", "code"),
    [
        (b"{}", {}, {}, 401, "invalid_api_key"),
        (b"{", {"api-key": "secret"}, {}, 400, "invalid_json"),
        (b"[]", {"api-key": "secret"}, {}, 400, "invalid_type"),
        (b'{"x": 1}', {"api-key": "secret"}, {}, 400, "unknown_parameter"),
        (b'{"expires_after": {"seconds": 5}}', {"api-key": "secret"}, {}, 400, "invalid_value"),
        (b'{"session": {"type": "live"}}', {"api-key": "secret"}, {}, 400, "invalid_value"),
        (b"1" * 1_100_000, {"api-key": "secret"}, {}, 400, "invalid_request"),
        (b"{}", {"api-key": "secret"}, {"path": "/v1/realtime/calls"}, 404, "not_found"),
        (b"{}", {"api-key": "secret"}, {"method": "PUT"}, 405, "method_not_supported"),
    ],
)
async def test_a_post_that_is_no_good_is_told_why(
    body: bytes, headers: dict[str, str], request_: dict[str, str], status: int, code: str
) -> None:
    async with endpoint(api_key="secret") as server:
        answered, error = await post(server, body, headers, **request_)
        assert (answered, error["error"]["code"]) == (status, code)
        assert server.handshakes[-1].status == status


async def test_a_body_may_come_late_and_in_chunks() -> None:
    async with endpoint() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        for part in (b"PO", head[2:], b"Expect: 100-continue\r\n\r\n"):
            writer.write(part)
            await writer.drain()
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
        assert b"200 OK" in await reader.readline()
        writer.close()


async def test_what_begins_as_no_http_is_refused_and_the_others_go_on() -> None:
    async with endpoint() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\x16\x03\x01 rubbish\r\n\r\n" * 3)
        assert b"HTTP/1.1 4" in await reader.read(12)
        writer.close()
        async with connect(server.url) as client:
            assert (await first_event(client))["type"] == "session.created"


def test_a_secret_ends_when_it_was_said_to() -> None:
    now = [1000.0]
    secrets = ClientSecrets(now=lambda: now[0])
    value = secrets.create({"expires_after": {"seconds": 10}})["value"]
    assert secrets.session_of(value) == {"type": "realtime"}
    now[0] += 10
    assert secrets.session_of(value) is None


def test_processes_that_share_a_folder_know_each_other_s_secrets(tmp_path: Any) -> None:
    value = ClientSecrets(tmp_path).create({})["value"]
    assert ClientSecrets(tmp_path).session_of(value) == {"type": "realtime"}
    assert ClientSecrets(tmp_path).session_of("ek_other") is None
    assert all(value not in file.name for file in tmp_path.iterdir())
