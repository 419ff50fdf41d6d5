"""The page about the local endpoint: its script is one, and its Python runs."""

import json
import queue
from pathlib import Path
from typing import Any

from threads import in_thread
from websockets.sync.client import connect
from xml_reader import ROOT, fenced

from mod_openai_realtime.cli import main
from mod_openai_realtime.local import thread
from mod_openai_realtime.local.agent import FunctionCall, Script, Turn

FENCED = list(fenced(ROOT / "docs/how-to/local-endpoint.md"))
SCRIPT = next(text for kind, _, text in FENCED if kind == "yaml")
SCRIPTING, SERVING = (text for kind, _, text in FENCED if kind == "python")


def test_the_script_is_one(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(SCRIPT, encoding="utf-8")
    script = Script.from_file(file)
    assert script.greeting == Turn("Good morning. How can I help you?")
    assert len(script.turns) == 2
    assert [rule.turn.calls for rule in script.rules] == [
        (FunctionCall("opening_hours", '{"day": "monday"}'),),
        (),
        (FunctionCall("hang_up"),),
    ]


def test_the_python_runs() -> None:
    made: queue.SimpleQueue[thread.LocalEndpointThread] = queue.SimpleQueue()

    class Kept(thread.LocalEndpointThread):
        def start(self) -> None:
            super().start()
            made.put(self)

    names = {"__name__": "page"}
    source = SERVING.replace("with LocalEndpointThread", "with Kept")
    runner = in_thread(lambda: exec(source, {**names, "Kept": Kept}))
    with connect(made.get(timeout=30).url) as client:
        client.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
        runner.result(30)


def test_the_script_in_json_is_one() -> None:
    script = Script.from_json(json.loads(next(text for kind, _, text in FENCED if kind == "json")))
    assert len(script.turns) == 4
    assert script.turns[2].calls == (FunctionCall("hang_up"),)


def test_the_scripted_model_is_scripted() -> None:
    names: dict[str, Any] = {}
    exec(SCRIPTING, names)
    assert names["model"].turns_left == 2


def test_every_option_of_the_command_is_on_the_page() -> None:
    page = (ROOT / "docs/how-to/local-endpoint.md").read_text(encoding="utf-8")
    for option in main.commands["local"].params:
        named = {*option.opts, *option.secondary_opts}
        assert any(f"`{name}" in page for name in named), option.name
