"""Runs a client through the conversation against a local endpoint, each in a process of its own."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from clients import conversation, environments

_SCRIPTS = Path(__file__).parent / "scripts"
_SUPPORT = Path(__file__).parents[1] / "support"
_CLIENT_LIMIT_S = 120

CallerFiles = Callable[[str], dict[str, str]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--clients"):
        return
    skip = pytest.mark.skip(
        reason="other people's clients, which are downloaded, only with --clients: make test-clients"
    )
    for item in items:
        if item.path.parent == _SCRIPTS.parent:
            item.add_marker(skip)


@dataclass(frozen=True)
class Outcome:
    """What both sides say of one conversation."""

    client: dict[str, Any]
    """The report of the client's script."""
    output: str
    """What the client wrote to its terminal."""
    connections: list[dict[str, Any]]
    """The endpoint's record."""

    def sent(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.connections[-1]["sent"] if event["type"] == kind]

    def received(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.connections[-1]["received"] if event["type"] == kind]


@pytest.fixture(scope="session")
def caller_files(tmp_path_factory: pytest.TempPathFactory) -> CallerFiles:
    """The caller's turns in an audio format."""

    @functools.cache
    def files(audio_format: str) -> dict[str, str]:
        return conversation.write_caller(tmp_path_factory.mktemp("caller"), audio_format)

    return files


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Path, Path]:
    """Of the endpoint, with its key; and of the authority that its clients have to know."""
    authority = trustme.CA()
    server = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(server)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return server, tmp_path / "authority.pem"


@pytest.fixture
def converse(tmp_path: Path, caller_files: CallerFiles, certificates: tuple[Path, Path]) -> Callable[..., Outcome]:
    """`converse(environment, script, speed, ...)`: the outcome. `says`: the endpoint's script."""

    def run(
        name: str,
        script: str,
        speed: float,
        *,
        tls: bool = False,
        tool_fails: bool = False,
        says: str = "bakery",
        audio_format: str = conversation.PCM,
    ) -> Outcome:
        command = environments.command(name, _SCRIPTS / script)
        record, report, order = tmp_path / "record.json", tmp_path / "report.json", tmp_path / "order.json"
        arguments = [sys.executable, "-m", "clients.serve", str(record), says, str(speed)]
        if tls:
            arguments += [str(certificates[0])]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(arguments, text=True, cwd=_SUPPORT, **pipes) as endpoint:
            assert endpoint.stdin is not None and endpoint.stdout is not None
            base_url = endpoint.stdout.readline().strip()
            assert base_url, "the endpoint did not start"
            wanted = _order(base_url, report, audio_format, tool_fails=tool_fails)
            order.write_text(json.dumps({**caller_files(audio_format), **wanted}), encoding="utf-8")
            output = _run_client([*command, str(order)], certificates[1], tmp_path)
            endpoint.stdin.close()
            assert endpoint.wait(30) == 0
        return Outcome(
            json.loads(report.read_text(encoding="utf-8")) if report.exists() else {},
            output,
            json.loads(record.read_text(encoding="utf-8")),
        )

    return run


@pytest.fixture
def converse_by_command(tmp_path: Path, caller_files: CallerFiles) -> Callable[..., Outcome]:
    """As `converse`, with an endpoint from the command line, of which nobody keeps a record."""

    def run(name: str, script: str, *options: str) -> Outcome:
        report, order = tmp_path / "report.json", tmp_path / "order.json"
        key, says, transcripts = tmp_path / "key", tmp_path / "script.json", tmp_path / "transcripts.txt"
        key.write_text(conversation.KEY, encoding="utf-8")
        says.write_text(json.dumps(conversation.SCRIPT), encoding="utf-8")
        transcripts.write_text("\n".join(conversation.TRANSCRIPTS), encoding="utf-8")
        files = ["--api-key-file", str(key), "--agent", str(says), "--transcripts", str(transcripts)]
        arguments = [sys.executable, "-m", "mod_openai_realtime.cli", "local", "--port", "0", *files, *options]
        command = environments.command(name, _SCRIPTS / script)
        with subprocess.Popen(arguments, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as endpoint:
            try:
                assert endpoint.stdout is not None
                told = re.search(r"ws://\S+/v1", endpoint.stdout.readline())
                assert told, "the endpoint did not start"
                base_url = told[0]
                wanted = _order(base_url, report, conversation.PCM)
                order.write_text(json.dumps({**caller_files(conversation.PCM), **wanted}), encoding="utf-8")
                output = _run_client([*command, str(order)], tmp_path, tmp_path)
            finally:
                endpoint.terminate()
        return Outcome(json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}, output, [])

    return run


def _order(base_url: str, report: Path, audio_format: str, *, tool_fails: bool = False) -> dict[str, Any]:
    day = {"type": "string", "description": "A day of the week, in English and lower case."}
    parameters = {"type": "object", "properties": {"day": day}, "required": ["day"], "additionalProperties": False}
    return {
        "base_url": base_url,
        "model": conversation.MODEL,
        "key": conversation.KEY,
        "instructions": conversation.INSTRUCTIONS,
        "tool": {
            "name": conversation.TOOL_NAME,
            "description": "When the bakery is open on a day of the week.",
            "parameters": parameters,
        },
        "tool_result": conversation.TOOL_RESULT,
        "tool_fails": tool_fails,
        "format": audio_format,
        "report": str(report),
    }


def _run_client(command: list[str], authority: Path, folder: Path) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PYTHON"))},
        "NODE_EXTRA_CA_CERTS": str(authority),
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
        "PYTHONUNBUFFERED": "1",
    }
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_CLIENT_LIMIT_S,
        check=False,
        env=environment,
        cwd=folder,
    )
    return f"{done.stdout}\nexit status {done.returncode}\n"
