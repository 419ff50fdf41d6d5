"""The page about the local endpoint: its script is one, and its Python runs."""

import json
import threading

from websockets.sync.client import connect
from xml_reader import ROOT, fenced

from mod_openai_realtime.local import thread
from mod_openai_realtime.local.agent import FunctionCall, Script, Turn

BLOCKS = {kind: text for kind, _, text in fenced(ROOT / "docs/how-to/local-endpoint.md")}


def test_the_script_is_one() -> None:
    script = Script.from_json(json.loads(BLOCKS["json"]))
    assert script.greeting == Turn("Good morning. How can I help you?")
    assert len(script.turns) == 4


def test_the_python_runs() -> None:
    made: list[thread.LocalEndpointThread] = []
    started = threading.Event()

    class Kept(thread.LocalEndpointThread):
        def start(self) -> None:
            super().start()
            made.append(self)
            started.set()

    names = {"__name__": "page"}
    source = BLOCKS["python"].replace("with LocalEndpointThread", "with Kept")
    runner = threading.Thread(target=exec, args=(source, {**names, "Kept": Kept}))
    runner.start()
    assert started.wait(30)
    with connect(made[0].url) as client:
        client.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
        runner.join(30)
    assert not runner.is_alive()
    assert made[0].port


def test_a_call_of_the_page_is_a_call() -> None:
    assert Script.from_json(json.loads(BLOCKS["json"])).turns[2].calls == (FunctionCall("hang_up"),)
