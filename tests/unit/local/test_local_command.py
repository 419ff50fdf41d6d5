import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.sync.client import connect as connect_now

from mod_openai_realtime.local.agent import ScriptError
from mod_openai_realtime.local.command import (
    CannotServeError,
    LocalOptions,
    bound,
    endpoint_of,
    run_local,
    warn_of_others,
)
from mod_openai_realtime.local.workers import Workers

TEXT_RESPONSE = {"type": "response.create", "response": {"output_modalities": ["text"]}}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_where_it_listens_and_ends_with_a_signal(number: signal.Signals) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    running = asyncio.create_task(run_local(port=0, echo=told.put_nowait))
    url = (await told.get()).split()[-1]
    async with connect(url) as client:
        assert "session.created" in str(await client.recv())
        os.kill(os.getpid(), number)
        await client.wait_closed()
    await running


async def test_it_serves_tls_with_a_key_from_a_file(tmp_path: Path) -> None:
    authority = trustme.CA()
    both = tmp_path / "both.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(both)
    told: asyncio.Queue[str] = asyncio.Queue()
    running = asyncio.create_task(run_local(port=0, tls_cert=both, echo=told.put_nowait))
    assert "wss://127.0.0.1:" in await told.get()
    os.kill(os.getpid(), signal.SIGTERM)
    await running


async def test_a_bad_script_ends_it_at_once(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(ScriptError):
        await run_local(port=0, agent_file=file)


async def test_what_the_caller_says_comes_from_a_file(tmp_path: Path) -> None:
    said, script = tmp_path / "said.txt", tmp_path / "hook.py"
    said.write_text("Hello there.\n", encoding="utf-8")
    script.write_text("def answer(context):\n    return f'You said: {context.said}'\n", encoding="utf-8")
    endpoint = endpoint_of(
        LocalOptions(agent_file=f"{script}:answer", transcripts=said, vad=False), bound("127.0.0.1", 0)
    )
    async with endpoint, connect(endpoint.url) as client:
        append = {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(9600)).decode()}
        for event in (append, {"type": "input_audio_buffer.commit"}, TEXT_RESPONSE):
            await client.send(json.dumps(event))
        assert await text_of(client) == "You said: Hello there."


async def test_faults_and_latency_are_the_endpoint_s() -> None:
    options = LocalOptions(faults=("fail-responses@2",), latency_ms=(1, 1), vad=False)
    async with endpoint_of(options, bound("127.0.0.1", 0)) as endpoint:
        statuses = []
        for _ in range(2):
            async with connect(endpoint.url) as client:
                await client.send(json.dumps(TEXT_RESPONSE))
                statuses.append((await event_of(client, "response.done"))["response"]["status"])
        assert statuses == ["completed", "failed"]


def test_workers_serve_one_port_and_know_each_other_s_secrets(tmp_path: Path) -> None:
    """As a user runs it: two processes; one that is killed is replaced; a signal ends all."""
    command = [sys.executable, "-m", "mod_openai_realtime.cli", "local", "--port", "0", "--no-vad", "--workers", "2"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process, ExitStack() as clients:
        try:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            assert line.endswith("with 2 workers\n")
            url = line.split(", with")[0].split()[-1]
            post = HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=30)
            post.request("POST", "/v1/realtime/client_secrets", b"{}")
            value = json.loads(post.getresponse().read())["value"]
            # Whichever of the two takes it.
            for _ in range(6):
                headers = {"Authorization": f"Bearer {value}"}
                client = clients.enter_context(connect_now(url.split("?")[0], additional_headers=headers))
                assert json.loads(client.recv())["type"] == "session.created"
            os.kill(children_of(process.pid)[0], signal.SIGKILL)
            for text in process.stderr:
                if "another one starts" in text:
                    break
            with connect_now(url) as client:
                assert json.loads(client.recv())["type"] == "session.created"
        finally:
            process.terminate()
            process.communicate()
        assert process.returncode == 0


def children_of(pid: int) -> list[int]:
    """The workers: of the processes that it started, those that were spawned to serve."""
    named = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(each) for each in named if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def test_a_worker_s_mistake_ends_all_with_its_words(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(CannotServeError, match="a script has a list `turns`"):
        Workers(LocalOptions(port=0, agent_file=file), 2, "error").run(print)


async def event_of(client: ClientConnection, kind: str) -> dict[str, Any]:
    async for message in client:
        event: dict[str, Any] = json.loads(message)
        if event["type"] == kind:
            return event
    raise AssertionError(f"the connection ended before {kind}")


async def text_of(client: ClientConnection) -> str:
    return str((await event_of(client, "response.output_text.done"))["text"])


class Bound:
    def __init__(self, address: str) -> None:
        self._address = address

    def getsockname(self) -> tuple[str, int]:
        return self._address, 8765


@pytest.mark.parametrize(
    ("addresses", "key", "warned"),
    [
        (("127.0.0.1",), None, False),
        (("127.0.0.1", "::1"), None, False),
        (("0.0.0.0",), None, True),
        (("127.0.0.1", "fe80::1%eth0"), None, True),
        (("0.0.0.0",), "key", False),
    ],
)
def test_who_may_be_used_by_anybody_is_told_so(
    addresses: tuple[str, ...], key: str | None, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sockets: Any = [Bound(address) for address in addresses]
    warn_of_others(sockets, key)
    assert bool(caplog.records) is warned
