"""The demo's parts put together: endpoint, engine, switch, call; and what comes of them."""

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from ..engine_process import EngineProcess
from ..local.behaviour import Behaviour, Pacing
from ..local.g711 import Samples
from ..local.recording import ConnectionRecord
from ..local.thread import LocalEndpointThread
from ..local.voice import HibariVoice, hibari
from ..standin import Call, LogLevel, StandIn
from .dialogue import FAILURES, Dialogue
from .display import Display
from .journal import Journal, SilentError, parsed, write_journal
from .recognition import LineRecogniser
from .record import CallRecord
from .script import CONVERSATION, Scenario
from .tape import RATE, Tape, write_wave
from .timeline import draw_timeline
from .verdict import Verdict, verdict_of

# Slower than the default, so that the interruption meets a response that is still being sent, and its audio goes on
# coming after that.
BEHAVIOUR = Behaviour(pacing=Pacing(speed=3.0), late_deltas=3)
_EVENT_WAIT_S = 0.2
_CLOSED_WITHIN_S = 5.0


@dataclass(frozen=True)
class Files:
    """What the demo writes, in one folder."""

    folder: Path

    @property
    def wave(self) -> Path:
        return self.folder / "call.wav"

    @property
    def timeline(self) -> Path:
        return self.folder / "timeline.png"

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def engine_log(self) -> Path:
        return self.folder / "engine.log"


def run_demo(folder: Path, console: Console, conversation: Scenario = CONVERSATION) -> Verdict:
    """Makes the call, shows it, writes `Files(folder)`.

    Raises OSError, EngineStartError, MissingPartsError, StandInError where the call could not even be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files, originals = Files(folder), dict[str, Samples]()
    display = Display(console, originals)
    display.say("Preparing the voices …")
    voice = hibari()
    for line in conversation.caller_lines + conversation.agent_lines:
        originals[line] = voice.speak_now(line, RATE)
    for line in conversation.agent_lines:
        voice.speak_now(line)
    with _temporary_folder() as temporary:
        call = _make_call(files, display, conversation, voice, originals, temporary)
    write_journal(files.events, call.entries, call.origin_ns)
    write_wave(files.wave, call.caller, call.agent, RATE)
    draw_timeline(files.timeline, call)
    verdict = verdict_of(call)
    display.verdict(verdict)
    display.say(f"\nWritten: {files.wave}, {files.timeline}, {files.events}, {files.engine_log}")
    return verdict


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="openai-realtime-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_call(
    files: Files,
    display: Display,
    conversation: Scenario,
    voice: HibariVoice,
    originals: dict[str, Samples],
    temporary: Path,
) -> CallRecord:
    socket, audio_files = temporary / "engine.sock", temporary / "audio"
    audio_files.mkdir()
    journal = Journal(display.show)
    endpoint = LocalEndpointThread(
        agent=conversation.agent_script(),
        behaviour=BEHAVIOUR,
        transcriber=LineRecogniser(voice, conversation.caller_lines),
        keep="events",
    )
    files.engine_log.unlink(missing_ok=True)
    engine = EngineProcess(socket, files.engine_log)
    with endpoint, engine, StandIn(engine_socket=socket, temp_dir=audio_files) as switch:
        display.say(f"One call: stand-in switch → engine → {endpoint.url}\n")
        switch.run()
        call = switch.call(RATE)
        # The tape and the taker of events are done with the call before the switch closes.
        with (
            Tape(call) as tape,
            _taken_events(switch, call, journal),
            display.live(lambda: tape.origin_ns, tape.levels),
        ):
            failure = _hold(Dialogue(switch, call, tape, journal, conversation, voice), endpoint.url)
            connections = _connections(endpoint)
        switch.halt()
        tape.take()
        agent = tape.agent()
        record = CallRecord(
            conversation=conversation,
            entries=journal.entries(),
            caller=tape.caller(len(agent)),
            agent=agent,
            origin_ns=tape.origin_ns,
            originals=originals,
            connections=connections,
            failure=failure,
            log=[line.text for line in switch.log() if line.level <= LogLevel.WARNING],
            bugs_left=call.bug_count,
            files_left=sorted(path.name for path in audio_files.iterdir()),
            steps=call.steps,
            skipped_steps=call.skipped_steps,
            late_max_ns=call.late_max_ns,
            engine_exit=None,
        )
    return replace(record, engine_exit=engine.exit_code)


def _hold(dialogue: Dialogue, url: str) -> str | None:
    """Why the conversation was broken off."""
    try:
        dialogue.hold(url)
    except SilentError as error:
        return str(error)
    except FAILURES as error:
        return f"{type(error).__name__}: {error}"
    return None


def _connections(endpoint: LocalEndpointThread) -> list[ConnectionRecord]:
    with contextlib.suppress(TimeoutError):  # what is not closed then shows in the record
        endpoint.wait_for(lambda server: all(each.closed for each in server.connections), _CLOSED_WITHIN_S)
    return endpoint.snapshot()


@contextlib.contextmanager
def _taken_events(switch: StandIn, call: Call, journal: Journal) -> Iterator[None]:
    """Puts the call's events into the journal, as they come, on a thread of its own."""
    ended = threading.Event()

    def take() -> None:
        while True:
            last = ended.is_set()
            try:
                event = switch.wait_event(None, call.uuid, 0.0 if last else _EVENT_WAIT_S)
            except TimeoutError:
                if last:
                    return
                continue
            journal.add("event", event.subclass.rpartition("::")[2], parsed(event.body), event.time_ns)

    thread = threading.Thread(target=take, name="events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
