"""The agents of the examples on a real FreeSWITCH, with the dialplan of their pages: SIP at both ends."""

from __future__ import annotations

import base64
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from audio.files import read_wav
from audio.g711 import Pcm16, ulaw_decode
from audio.tones import tone
from engine_process import EngineProcess
from freeswitch import RealSwitch, find_freeswitch
from freeswitch.configuration import SwitchConfiguration
from sip import Caller
from sip.hearing import sounded_ms, wait_tone
from xml_reader import ROOT, fenced

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.scripted_model import ScriptedModel
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.local.turns import Context, FunctionCall, Turn
from mod_openai_realtime.native import MODULE_PATH

EXAMPLES = ROOT / "examples"
AGENTS = (
    "clinic/test_clinic.py:AlwaysOpen",
    "clinic/clinic.py:Clinic",
    "survey/survey.py:Survey",
    "interpreter/interpreter.py:Interpreter",
)
# Answers with a message, beeps, and records.
MACHINE = """
<extension name="machine">
  <condition field="destination_number" expression="^machine-(\\d+)$">
    <action application="answer"/>
    <action application="playback" data="tone_stream://v=-7;%(1500,0,300)"/>
    <action application="set" data="machine_has_beeped=true"/>
    <action application="playback" data="tone_stream://v=-7;%(1000,0,$1)"/>
    <action application="playback" data="silence_stream://-1"/>
  </condition>
</extension>
"""
MakeCalls = Callable[..., Caller]
GREETING, BRIEFING, DESK, QUEUE = 440, 600, 700, 850  # Hz


@dataclass(frozen=True)
class WithPages(SwitchConfiguration):
    """With the dialplan of the examples' pages, in which only what is not here is another."""

    def write(self) -> Path:
        folder = super().write()
        xml = "".join(
            text
            for name in ("clinic", "interpreter")
            for kind, _, text in fenced(EXAMPLES / name / "README.md")
            if kind == "xml"
        )
        for what, other in {
            # mod_fifo and users that are registered are not here.
            '"fifo" data="clinic in"': f'"playback" data="tone_stream://v=-7;%(1000,0,{QUEUE});loops=-1"',
            "user/1001": f"sofia/test/tone-{DESK}@127.0.0.1:{self.sip_port}",
            "clinic desk": "always_open desk",
            "$1@default": "$1@test",
        }.items():
            assert what in xml
            xml = xml.replace(what, other)
        file = folder / "freeswitch.xml"
        before, after, rest = file.read_text().rpartition("</context>")
        file.write_text(before + xml + MACHINE + after + rest)
        return folder


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def models() -> deque[ScriptedModel]:
    """Of the sessions to come, in the order in which they begin."""
    return deque()


@pytest.fixture(scope="module")
def model_server(models: deque[ScriptedModel]) -> Iterator[LocalEndpointThread]:
    """Where all agents' streams go."""
    with LocalEndpointThread(agent_for=lambda _: models.popleft(), vad=False) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def engine_process(place: Path, model_server: LocalEndpointThread) -> Iterator[EngineProcess]:
    engine = EngineProcess(
        place, "--all-agents-at", model_server.url, *(f"--agent={EXAMPLES / each}" for each in AGENTS)
    )
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def switch_process(place: Path) -> Iterator[RealSwitch]:
    prefix = find_freeswitch()
    if prefix is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX, or have freeswitch on the PATH")
    configuration = WithPages(place, place / "engine.sock")
    switch = RealSwitch(prefix, MODULE_PATH, place / "engine.sock", place, configuration=configuration)
    yield switch
    switch.stop()


@pytest.fixture
def script(models: deque[ScriptedModel]) -> Callable[..., ScriptedModel]:
    """What the model of the next session does, response by response."""
    models.clear()

    def script(*turns: Turn) -> ScriptedModel:
        model = Obedient()
        for turn in turns:
            model.will_do(turn)
        models.append(model)
        return model

    return script


class Obedient(ScriptedModel):
    """Does what is scripted also where it is told what to say."""

    async def answer(self, context: Context) -> Turn:
        return self._queue.popleft() if self._queue else Turn(tone=Tone(GREETING, 400))


def sounds(hertz: int, *calls: FunctionCall) -> Turn:
    return Turn(tone=Tone(hertz, 600), calls=calls)


def calls(name: str, arguments: str = "{}") -> Turn:
    return Turn(calls=(FunctionCall(name, arguments),))


def sounds_long(hertz: float, audio: Pcm16) -> bool:
    return sounded_ms(audio, hertz) >= 560


Script = Callable[..., ScriptedModel]


def outputs(server: LocalEndpointThread, number: int = -1) -> list[str]:
    """What the model of a session was told that its calls gave, oldest first."""
    events = server.call(lambda it: it.connections[number].received_events("conversation.item.create"))
    return [event["item"]["output"] for event in events if event["item"]["type"] == "function_call_output"]


class TestClinic:
    ASKS = FunctionCall("desk", '{"name": "Ann", "concern": "a prescription"}')

    def test_the_desk_agrees_and_is_connected(
        self, engine: EngineProcess, switch: RealSwitch, make_calls: MakeCalls, script: Script
    ) -> None:
        script(sounds(GREETING, self.ASKS))
        script(sounds(BRIEFING, FunctionCall("accept", "{}")))
        call = make_calls("5300", 1, headers={"X-Variables": "hold_music=tone_stream://%(60000,0,350)"}).calls[0]
        call.wait_media()
        wait_tone(call.party, DESK)
        switch.wait_until(lambda: switch.api(f"uuid_openai_agent {call.uuid} list") == "+OK []")
        audio = call.party.audio()
        assert sounded_ms(audio, GREETING) >= 560 and sounded_ms(audio, 350) > 0, "no greeting, or no music"
        assert sounded_ms(audio, BRIEFING) == 0
        wait_tone(call.party, DESK, sounded_ms(audio, DESK) + 400)
        assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "transferred"

    def test_the_desk_has_no_time_and_the_agent_goes_on(
        self,
        engine: EngineProcess,
        switch: RealSwitch,
        make_calls: MakeCalls,
        script: Script,
        model_server: LocalEndpointThread,
    ) -> None:
        script(sounds(GREETING, self.ASKS), sounds(900))
        script(sounds(BRIEFING, FunctionCall("decline", "{}")))
        call = make_calls("5300", 1).calls[0].wait_media()
        wait_tone(call.party, 900)
        assert outputs(model_server, -2) == ["declined"]
        assert sounded_ms(call.party.audio(), BRIEFING) == sounded_ms(call.party.audio(), DESK) == 0

    def test_the_patient_number_is_keyed_in(
        self,
        engine: EngineProcess,
        switch: RealSwitch,
        make_calls: MakeCalls,
        script: Script,
        model_server: LocalEndpointThread,
    ) -> None:
        script(calls("ask_patient_number"), sounds(500), sounds(900))
        call = make_calls("5300", 1).calls[0].wait_media()
        wait_tone(call.party, 500)
        switch.api(f"uuid_recv_dtmf {call.uuid} ~123456")
        wait_tone(call.party, 900)
        assert outputs(model_server) == ["Ann Miller"]

    def test_where_the_endpoint_is_away_the_queue_takes_the_call(
        self, engine: EngineProcess, switch: RealSwitch, make_calls: MakeCalls, model_server: LocalEndpointThread
    ) -> None:
        def refuse(server: LocalEndpoint, status: int | None) -> None:
            server.behaviour = Behaviour(refuse_status=status)

        model_server.call(lambda it: refuse(it, 401))
        try:
            call = make_calls("5300", 1).calls[0].wait_media()
            wait_tone(call.party, QUEUE)
        finally:
            model_server.call(lambda it: refuse(it, None))
        assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "failed"


class TestSurvey:
    @pytest.fixture
    def dial(self, engine: EngineProcess, switch: RealSwitch, tmp_path: Path) -> Callable[[str], str]:
        """Has the agent call somebody; -> the uuid of its channel."""

        def dial(destination: str) -> str:
            uuid = str(uuid4())
            variables = f"origination_uuid={uuid},ignore_early_media=true,originate_timeout=30,AGENT_CUSTOMER=4711"
            variables += f",AGENT_RESULTS={tmp_path}/survey.csv"
            port = switch.configuration.sip_port
            switch.api(
                f"bgapi originate {{{variables}}}sofia/test/{destination}@127.0.0.1:{port} &openai_agent(survey)"
            )
            return uuid

        return dial

    def test_the_greeting_comes_after_the_answer_and_is_heard_whole(
        self,
        dial: Callable[[str], str],
        switch: RealSwitch,
        script: Script,
        models: deque[ScriptedModel],
        tmp_path: Path,
    ) -> None:
        script(
            Turn(tone=Tone(GREETING, 600), calls=(FunctionCall("note", '{"satisfied": 4}'),)),
            Turn(calls=(FunctionCall("finish", "{}"),)),
        )
        uuid = dial("ringing")
        callee = switch.events.wait_for("CHANNEL_PARK", predicate=lambda event: event.uuid != uuid).uuid
        assert len(models) == 1, "it talks to somebody who has not answered"
        heard = switch.recordings / "survey.wav"
        switch.api(f"uuid_setvar {callee} execute_on_answer record_session {heard}")
        switch.api(f"uuid_answer {callee}")
        switch.events.wait_for("CHANNEL_DESTROY", callee)
        assert sounded_ms(read_wav(heard)[0], GREETING) >= 560
        switch.wait_until(lambda: said_in(tmp_path) == "4711,4,hang_up\n")

    @pytest.mark.parametrize("hertz", [950, 1000, 1400])
    def test_it_hangs_up_at_the_beep(
        self, dial: Callable[[str], str], switch: RealSwitch, script: Script, tmp_path: Path, hertz: int
    ) -> None:
        script(sounds(GREETING))
        uuid = dial(f"machine-{hertz}")
        ended = switch.events.wait_for(
            "CHANNEL_HANGUP_COMPLETE", predicate=lambda event: "variable_machine_has_beeped" in event.headers
        )
        switch.events.wait_for("CHANNEL_DESTROY", uuid)
        assert ended.headers["variable_sip_hangup_disposition"] == "recv_bye"
        switch.wait_until(lambda: said_in(tmp_path) == "4711,,caller\n")


class TestInterpreter:
    def test_each_hears_only_the_interpreter_of_the_other(
        self,
        engine: EngineProcess,
        switch: RealSwitch,
        make_calls: MakeCalls,
        script: Script,
        model_server: LocalEndpointThread,
    ) -> None:
        anna, bob = (call.wait_media() for call in make_calls("interpreted-talk", 2).calls)
        anna.party.repeat(tone(500, 1000, 8000))
        bob.party.repeat(tone(900, 1000, 8000))
        known = model_server.call(lambda it: len(it.connections))
        agents = []
        for hears, tells, hertz in ((anna, bob, 1300), (bob, anna, 1700)):
            script(sounds(hertz))
            agents.append(str(uuid4()))
            variables = f"origination_uuid={agents[-1]},AGENT_ROOM=talk,AGENT_INTO=French"
            variables += f",AGENT_HEARS={hears.uuid},AGENT_TELLS={tells.uuid}"
            switch.api(f"originate {{{variables}}}loopback/interpreted-talk/default &openai_agent(interpreter)")
        model_server.wait_for(lambda it: len(it.connections) == known + 2, 30)

        # Both agents are where they belong before they connect. What each says from now on one of the two hears.
        since = [len(call.party.received) for call in (anna, bob)]
        for agent in agents:
            asked = base64.b64encode(b'{"type": "response.create"}').decode()
            assert switch.api(f"uuid_openai_audio_stream {agent} send_json {asked}").startswith("+OK")
        for call, first, hertz in ((anna, since[0], 1700), (bob, since[1], 1300)):
            heard = call.party.wait_heard(partial(sounds_long, hertz), since=first)
            others = {500, 900, 1300, 1700} - {hertz}
            assert [each for each in others if sounded_ms(heard, each) > 0] == []
        for number, hertz in ((known, 500), (known + 1, 900)):
            heard = listened(model_server, number)
            others = {500, 900, 1300, 1700} - {hertz}
            assert sounded_ms(heard, hertz) > 500
            assert [each for each in others if sounded_ms(heard, each) > 0] == []


def listened(server: LocalEndpointThread, number: int) -> Pcm16:
    """What a session was sent, at 8 kHz."""
    record = server.snapshot()[number]
    (update,) = record.received_events("session.update")
    assert update["session"]["audio"]["input"]["format"]["type"] == "audio/pcmu"
    return ulaw_decode(record.received_audio())


def said_in(folder: Path) -> str:
    """What the survey has written."""
    file = folder / "survey.csv"
    return file.read_text() if file.exists() else ""
