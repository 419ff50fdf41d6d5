"""`openai-realtime talk` as its users start it, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from websockets.sync.client import connect

if find_spec("silero_vad") is None:
    pytest.skip("no silero-vad: requirements/local.txt", allow_module_level=True)

AGENT = """
from mod_openai_realtime.agent import Agent

class Away(Agent):
    instructions = "You are not reached."
    connect_timeout_s = 1
"""
COMMAND = (sys.executable, "-m", "mod_openai_realtime.cli", "talk")


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the page's address."""
    environment = {**os.environ, "OPENAI_API_KEY": "sk-of-nobody"}
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None
        yield process, address[0]
    finally:
        process.kill()
        process.communicate()


def family(process: subprocess.Popen[str]) -> list[int]:
    """All processes that come from it."""
    found, new = [], [process.pid]
    while new:
        found += new
        listings = [Path(f"/proc/{pid}/task/{pid}/children") for pid in new]
        new = [int(pid) for listing in listings for pid in listing.read_text().split()]
    return found


def test_an_endpoint_that_is_away_and_ctrl_c(tmp_path: Path) -> None:
    file = tmp_path / "away.py"
    file.write_text(AGENT)
    with running(f"{file}:Away", "--agent-url", "ws://127.0.0.1:9/") as (process, url):
        with urllib.request.urlopen(url) as page:
            assert b"away.py:Away" in page.read()
        origin = url.rpartition("/")[0].rpartition("/")[0]
        with connect(url.replace("http:", "ws:") + "call?rate=48000", origin=origin) as call:  # type: ignore[arg-type]
            told = [json.loads(message) for message in call if isinstance(message, str)]
        assert told[-1]["reason"] == "failed" and told[-1]["text"].startswith("The call failed: ")
        notices = [each["text"] for each in told if each.get("who") == "notice"]
        assert any("connecting to 127.0.0.1:9 failed" in each for each in notices)
        everybody = family(process)
        assert len(everybody) > 3  # the engine, a worker, a host
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert not [pid for pid in everybody if Path(f"/proc/{pid}/exe").exists()]
        assert "sk-of-nobody" not in output + errors + json.dumps(told)
        assert url not in errors and "Traceback" not in errors


def test_an_agent_that_cannot_be_loaded_is_told_and_nothing_is_served(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_that_name")
    run = subprocess.run(
        [*COMMAND, str(tmp_path / "broken.py"), "--port", "0", "--no-browser"], capture_output=True, text=True
    )
    assert run.returncode == 1 and "line 1" in run.stderr and "nothing_of_that_name" in run.stderr
    assert "http://" not in run.stdout and "Traceback" not in run.stderr
