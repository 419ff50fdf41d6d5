"""--model=llm: a language model answers, as a user has it, in a run of pytest of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from xml_reader import ROOT

if find_spec("silero_vad") is None:
    pytest.skip("no silero-vad: requirements/local.txt", allow_module_level=True)

TEST = """
import pytest
from bakery import Bakery

async def test_hours(phone):
    async with phone.call(Bakery) as caller:
        await caller.hears("bakery here")
        caller.model.will_say("No model says this.")
        await caller.says("When are you open on Monday?")
        assert caller.tools[-1].arguments == {"day": "monday"}
        await caller.hears("until 18:00")
        with pytest.raises(AssertionError, match="what the test scripts is left unused"):
            await caller.hears("no model says this", timeout_s=0.1)
"""


class Chat(BaseHTTPRequestHandler):
    """A model of few words: says hello, and asks its tool for the hours that somebody wants to know."""

    asked: list[dict[str, Any]]
    protocol_version = "HTTP/1.0"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        last = body["messages"][-1]
        if last["role"] == "tool":
            message: dict[str, Any] = {"content": f"We are open until {json.loads(last['content'])['closes']}."}
        elif last["content"] == "When are you open on Monday?":
            function = {"name": "opening_hours", "arguments": '{"day": "monday"}'}
            message = {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]}
        else:
            message = {"content": "Bakery here."}
        answer = json.dumps({"choices": [{"message": {"role": "assistant", **message}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def chat() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The base URL of its API, and what it was asked."""
    asked: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Asked", (Chat,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    thread.join()
    server.server_close()


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "bakery.py").write_text((ROOT / "examples/bakery/bakery.py").read_text())
    (folder / "test_hours.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *options, "."]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_it_answers_calls_tools_and_the_script_is_left_unused(
    tmp_path: Path, chat: tuple[str, list[dict[str, Any]]]
) -> None:
    url, asked = chat
    ran = run(tmp_path, "--model=llm", "--llm-url", url, "--llm-model", "small")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {each["model"] for each in asked} == {"small"} and len(asked) == 3
    assert "open on Monday" in json.dumps(asked[-1]["messages"]) and asked[-1]["tools"]
