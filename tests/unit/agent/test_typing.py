"""Users' agents pass mypy --strict."""

import subprocess
import sys
from pathlib import Path

from xml_reader import ROOT

PAGE = """
from typing import Any, Literal

from mod_openai_realtime.agent import Agent, Call, CallError, Heard, Interrupted, ToolError, Turn, tool


class Clinic(Agent):
    greeting = None
    voice = "marin"
    turn_detection = {"type": "semantic_vad"}
    transcription = None
    session = {"truncation": "disabled"}
    silence_s = None
    digits = "ignore"
    tool_timeout_s = 20

    async def instructions(self, call: Call) -> str:
        return "Greet " + call.caller_name

    @tool(timeout_s=3, filler="One moment.")
    def slow(self, n: int, note: str | None = None) -> int:
        return n

    @tool
    async def quick(self, call: Call) -> dict[str, Any]:
        heard: Heard = await call.say("Well.")
        try:
            await call.transfer("1001", unless_interrupted=True)
        except Interrupted:
            raise ToolError("The caller spoke.") from None
        except CallError as error:
            return {"error": str(error)}
        return {"ms": heard.ms}

    async def on_turn(self, call: Call, turn: Turn) -> None:
        print(turn.who, turn.text, turn.at.isoformat())

    async def on_start(self, call: Call) -> None:
        self.voice = "cedar"
        self.instructions_of = call.parameters


agent = Clinic(voice="cedar", silence_s=5)


async def use() -> None:
    value: int = agent.slow(3)
    result: dict[str, Any] = await agent.quick(agent.call)
    print(value, result)
"""


def test_users_agents_pass_mypy_strict(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(PAGE)
    files = [str(tmp_path / "page.py"), str(ROOT / "examples/bakery/bakery.py")]
    cache = f"--cache-dir={tmp_path / 'cache'}"
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", cache, "--config-file=", *files]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
