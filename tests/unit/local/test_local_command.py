import asyncio
import os
import signal
from pathlib import Path

import pytest
import trustme
from websockets.asyncio.client import connect

from mod_openai_realtime.local.agent import ScriptError
from mod_openai_realtime.local.command import run_local


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
