"""Connections, workers, the endpoint and the engine are killed at random under 20 conversations, whose time is stepped:
after each, the new sessions are given what was said and heard, and nothing else.

A dozen in an ordinary run, first one of each; `RANDOM_KILLS=1000` for more, and `RANDOM_KILLS_SEED` for others.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from audio.segments import sounding
from audio.tones import noise
from contract import FarEnd
from contract.stand_in import StandInLeg, StandInSwitch
from engine_process import EngineProcess

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.native import MODULE_PATH
from mod_openai_realtime.standin.events import Event
from mod_openai_realtime.stream.settings import Restore

KILLS = int(os.environ.get("RANDOM_KILLS", "12"))
SEED = int(os.environ.get("RANDOM_KILLS_SEED", "1"))
CALLS = 20
ITEMS = 12  # STREAM_RESTORE_ITEMS
ANSWER_MS = 3000
WORDS = 40
GREETS = Behaviour(raw=True, send_on_open=('{"type":"session.created","session":{}}',))
KEPT_AFTER_S = 0.35  # keeping.py: a quarter of a second, and a busy machine
BATCH_FRAMES = 8  # less than the engine plays ahead
TICK_S = 0.015
SOME_WORDS_MS = 600  # of an answer, so that it is an item at all
CLOSE_ENOUGH = 14  # characters: 150 ms of an answer, of which 10 are the fade and a word is not cut in two

WHAT = {"connection": 6, "worker": 2, "endpoint": 1, "engine": 1}
"""What is killed, and how often beside the others."""

pytestmark = [
    pytest.mark.skipif(not MODULE_PATH.exists(), reason="the module has not been built"),
    pytest.mark.timeout(120 + 10 * KILLS),
]


@dataclass
class Said:
    """An item as the model of the test has it."""

    id: str
    role: str
    text: str

    def fits(self, text: str, heard_ms: int | None) -> bool:
        """`heard_ms`: of an answer that was cut; None: all of it counts."""
        if heard_ms is None:
            return text == self.text
        length = len(self.text) * heard_ms / ANSWER_MS
        return self.text.startswith(text) and abs(len(text) - length) <= CLOSE_ENOUGH


@dataclass
class Conversation:
    number: int
    leg: StandInLeg
    random: Random
    items: list[Said] = field(default_factory=list)
    connection: int = -1
    speaking: Said | None = None
    """Of the agent, and not heard to its end."""
    count: int = 0

    @property
    def path(self) -> str:
        return f"?call={self.number}"

    def add(self, item: Said) -> None:
        self.items.append(item)
        del self.items[:-ITEMS]

    def name(self) -> str:
        self.count += 1
        return f"i{self.number}n{self.count}"

    @property
    def heard_ms(self) -> int:
        """Of the answer that began last."""
        parts = sounding(self.leg.heard(), 8000, bridge_ms=40)
        return (parts[-1].end - parts[0].start) // 8 if parts else 0


class Bench:
    def __init__(self, folder: Path, far: FarEnd, engine: EngineProcess, switch: StandInSwitch) -> None:
        self.far, self.engine, self.switch = far, engine, switch
        self.random = Random(SEED)
        self.calls: list[Conversation] = []
        self.checked: Counter[str] = Counter()
        far.behave(GREETS)
        for number in range(CALLS):
            variables = {
                "STREAM_RESTORE": Restore.CONVERSATION.value,
                "STREAM_RESTORE_ITEMS": str(ITEMS),
                "STREAM_DISABLE_AUDIOFILES": "1",
            }
            leg = switch.call(variables=variables)
            call = Conversation(number, leg, self.random)
            self.calls.append(call)
            leg.start(f"{far.url}{call.path} mono 8k 8k")
            self.find(call)

    # The far end's side

    def find(self, call: Conversation) -> None:
        """Its newest connection; of the one before nothing more is wanted."""

        def newest(endpoint: LocalEndpoint) -> int:
            if call.connection >= 0:
                endpoint.connections[call.connection].received.clear()
            after = enumerate(endpoint.connections[call.connection + 1 :], call.connection + 1)
            return max(index for index, each in after if each.path.endswith(call.path))

        call.connection = self.far.ask(newest)

    def created(self, call: Conversation) -> list[dict[str, Any]]:
        return self.far.ask(lambda endpoint: _created(endpoint.connections[call.connection]))

    def say(self, call: Conversation, kind: str, **fields: Any) -> None:
        self.far.say(kind, call.connection, **fields)

    def caller_says(self, call: Conversation) -> None:
        item = Said(call.name(), "user", f"said number {call.count}")
        content = [{"type": "input_text", "text": item.text}]
        self.say(call, "conversation.item.added", item={**_head(item), "content": content})
        call.add(item)

    def agent_answers(self, call: Conversation) -> None:
        name = call.name()
        item = Said(name, "assistant", " ".join(f"{name}w{word:02}" for word in range(WORDS)))
        response, where = f"r{name}", {"response_id": f"r{name}", "item_id": name, "content_index": 0}
        call.leg._heard.clear()
        self.say(call, "response.created", response={"id": response})
        self.say(call, "conversation.item.added", item={**_head(item), "content": []})
        self.say(call, "response.output_audio_transcript.delta", **where, delta=item.text)
        samples = noise(ANSWER_MS, 8000, seed=call.count + 1000 * call.number)
        audio = base64.b64encode(samples.astype("<i2").tobytes()).decode()
        self.say(call, "response.output_audio.delta", **where, delta=audio)
        self.say(call, "response.output_audio.done", **where)
        self.say(call, "response.done", response={"id": response, "status": "completed"})
        call.add(item)
        call.speaking = item

    def settle(self) -> None:
        """All that has been said has been understood."""
        for call in self.calls:
            self.say(call, "marker", of=call.count)
        for call in self.calls:
            while self.event(call, "json")["type"] != "marker":
                pass

    # Time

    def run(self, ms: int) -> None:
        """For all calls together."""
        for _ in range(ms // 20 // BATCH_FRAMES + 1):
            for call in self.calls:
                for _ in range(BATCH_FRAMES):
                    call.leg.step()
            time.sleep(TICK_S)
            for call in self.calls:
                for _ in range(2):
                    self.switch.api("uuid_openai_audio_stream", f"{call.leg.uuid} list")
        for call in self.calls:
            if call.speaking is not None and call.heard_ms >= ANSWER_MS - 1:
                call.speaking = None

    def event(self, call: Conversation, name: str) -> Any:
        return json.loads(self._event(call, name).body)

    def _event(self, call: Conversation, name: str) -> Event:
        return self.switch.inner.wait_event(name, call.leg.uuid, 60)

    # What is killed

    def kill(self, what: str) -> list[Conversation]:
        """Returns whose connection is lost."""
        if what == "connection":
            call = self.random.choice(self.calls)
            self.far.drop(call.connection)
            return [call]
        if what == "endpoint":
            refused = len(self.far.handshakes) + CALLS // 2
            self.far.behave(lambda index: replace(GREETS, refuse_status=503 if index < refused else None))
            for call in self.calls:
                self.far.drop(call.connection)
            return self.calls
        if what == "engine":
            self.engine.kill()
            self.engine.start()
            return self.calls
        workers = self.engine.children
        os.kill(self.random.choice(workers), signal.SIGKILL)
        time.sleep(0.5)  # who was of that worker is told by who hears of a loss
        return [call for call in self.calls if self._has(call, "disconnect")]

    # What is right

    def restore(self, calls: list[Conversation], *, cut: bool, told: bool) -> None:
        """The new sessions are given what they should; `cut`: what was playing is not heard to its end. `told`: of the
        loss the test has yet to hear."""
        waiting = list(calls)
        for _ in range(6000):
            for call in list(waiting):
                # Whoever is back is looked at at once: a session that answers too late is answered for.
                if self._has(call, "connect"):
                    waiting.remove(call)
                    self.find(call)
                    self._check(call, cut=cut)
                    if told:
                        self._event(call, "disconnect")
            if not waiting:
                break
            time.sleep(0.01)
        assert waiting == []
        for call in calls:
            if call.items:
                assert self.event(call, "restored")["items"] == len(call.items)

    def _has(self, call: Conversation, name: str) -> bool:
        try:
            self.switch.inner.wait_event(name, call.leg.uuid, 0)
        except TimeoutError:
            return False
        return True

    def _check(self, call: Conversation, *, cut: bool) -> None:
        heard_ms = call.heard_ms if cut and call.speaking is not None else None
        self.far.until(lambda records: len(_created(records[call.connection])) >= len(call.items))
        created = self.created(call)
        texts = {each["id"]: each["content"][0]["text"] for each in created}
        for item in call.items:
            its = heard_ms if item is call.speaking else None
            assert item.id in texts, f"{item} is missing of {list(texts)}; heard {heard_ms} ms"
            assert item.fits(texts[item.id], its), f"{texts[item.id]!r} of {item}; heard {its} ms"
            item.text = texts[item.id]
        assert [each["id"] for each in created] == [each.id for each in call.items]
        for each in created:
            self.say(call, "conversation.item.added", item=each)
        if cut:
            call.speaking = None
        self.checked["sessions"] += 1
        self.checked["items"] += len(call.items)
        self.checked["cut answers"] += heard_ms is not None


def _head(item: Said) -> dict[str, Any]:
    return {"id": item.id, "type": "message", "role": item.role}


def _created(record: Any) -> list[dict[str, Any]]:
    messages = [json.loads(each.text) for each in record.received if each.text is not None and not each.audio]
    return [each["item"] for each in messages if each["type"] == "conversation.item.create"]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder, FarEnd() as far:
        engine = EngineProcess(Path(folder), "--workers", "2")
        engine.start()
        switch = StandInSwitch(engine.socket, Path(folder))
        try:
            yield Bench(Path(folder), far, engine, switch)
        finally:
            switch.close()
            engine.kill()


def test_what_is_restored_is_what_was_said_and_heard(bench: Bench, report: list[str]) -> None:
    random, killed = bench.random, Counter[str]()
    for number in range(KILLS):
        for call in bench.calls:
            if random.random() < 0.5:
                bench.caller_says(call)
            if call.speaking is None and random.random() < 0.6:
                bench.agent_answers(call)
        bench.settle()
        bench.run(random.randrange(SOME_WORDS_MS, 1500))
        chosen = random.choices(list(WHAT), list(WHAT.values()))[0]
        what = list(WHAT)[number] if number < len(WHAT) else chosen
        if what in ("worker", "engine"):
            time.sleep(KEPT_AFTER_S)
        killed[what] += 1
        bench.restore(bench.kill(what), cut=what in ("worker", "engine"), told=what != "worker")
    figures = ", ".join(f"{count} x {what}" for what, count in sorted(killed.items()))
    checked = ", ".join(f"{count} {what}" for what, count in bench.checked.items())
    report.append(f"{KILLS} kills under {CALLS} conversations ({figures}): {checked} compared, none wrong")
