"""Did the conversation work? One check for each thing that a caller, or an application, would notice."""

from collections.abc import Iterator
from dataclasses import dataclass

from .dialogue import FINAL_MESSAGE
from .measures import AgentTurn, BargeIn, agent_turns, barge_ins, stray_sound
from .recognition import LEAST_LIKENESS
from .record import CallRecord, ms, seconds
from .tape import FRAME_SAMPLES, PTIME_MS

SILENT_WITHIN_MS = 100
LEAST_AGENT_LIKENESS = 0.95
LENGTH_TOLERANCE_MS = 20
TRUNCATE_TOLERANCE_MS = 40
TOO_BUSY = "this machine was too busy for a call"


@dataclass(frozen=True)
class Check:
    """`detail`: what was measured, or what is wrong."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Verdict:
    checks: list[Check]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.passed]


def verdict_of(call: CallRecord) -> Verdict:
    checks = [_held(call), _commands(call), _connected(call), _pairs(call), _muted(call), _understood(call)]
    turns, interruptions = agent_turns(call), barge_ins(call)
    checks += _heard(call, turns)
    checks += _silenced(call, turns, interruptions)
    checks += [_responses(call), _no_stray(call), _ended(call), _clean(call), _on_time(call)]
    return Verdict(checks)


def _held(call: CallRecord) -> Check:
    lines = len(call.conversation.exchanges)
    return Check("conversation held", call.failure is None, call.failure or f"greeting and {lines} exchanges")


def _commands(call: CallRecord) -> Check:
    commands = [entry for entry in call.entries if entry.source == "command"]
    refused = [
        f"{entry.name}: {entry.body['reply']}" for entry in commands if not entry.body["reply"].startswith("+OK")
    ]
    detail = "; ".join(refused) or ", ".join(entry.name for entry in commands)
    return Check("commands accepted", bool(commands) and not refused, detail)


def _connected(call: CallRecord) -> Check:
    counts = {name: len(call.events(name)) for name in ("connect", "session.created", "session.updated")}
    errors = [*call.events("error")]
    wrong = [f"{count} {name}" for name, count in counts.items() if count != 1]
    wrong += [f"error {entry.body}" for entry in errors]
    return Check("connected, session set up", not wrong, "; ".join(wrong) or ", ".join(counts))


def _pairs(call: CallRecord) -> Check:
    names = [entry.name for entry in call.entries if entry.name in ("openai_speech_start", "openai_speech_stop")]
    wanted = ["openai_speech_start", "openai_speech_stop"] * len(call.conversation.agent_lines)
    detail = f"{names.count('openai_speech_start')} starts, {names.count('openai_speech_stop')} stops"
    return Check("speech events in pairs, one a turn", names == wanted, detail)


def _muted(call: CallRecord) -> Check:
    name = "muted caller not heard"
    unmuted = next((each for each in call.entries if each.source == "command" and each.name == "unmute"), None)
    spoken = [entry for entry in call.entries if entry.source == "caller"]
    if unmuted is None or not spoken or spoken[0].time_ns > unmuted.time_ns:
        return Check(name, False, "the caller has said nothing while muted")
    heard = [each for each in call.events("input_audio_buffer.speech_started") if each.time_ns < unmuted.time_ns]
    return Check(name, not heard, "the server heard speech" if heard else f"“{spoken[0].body}” went nowhere")


def _understood(call: CallRecord) -> Check:
    """The demo's transcriber recognises sounds, so this says that the caller's audio arrived whole."""
    name = "conversation.item.input_audio_transcription"
    found = [entry.body["transcript"] for entry in call.events(f"{name}.completed")]
    wanted = [exchange.caller for exchange in call.conversation.exchanges]
    failed = [entry.body["error"]["message"] for entry in call.events(f"{name}.failed")]
    detail = "; ".join(failed) or f"{len(found)} of {len(wanted)} lines, likeness at least {LEAST_LIKENESS}"
    return Check("caller's audio arrived", found == wanted and not failed, detail)


def _heard(call: CallRecord, turns: list[AgentTurn | None]) -> Iterator[Check]:
    for number, turn in enumerate(turns):
        interrupted = call.conversation.is_interrupted(number)
        what = "greeting" if number == 0 else f"answer {number}"
        name = f"{what} heard {'up to the interruption' if interrupted else 'whole'}"
        if turn is None:
            yield Check(name, False, "nothing heard")
            continue
        missing_ms = ms(turn.original.length - turn.loud.length)
        right_length = missing_ms > SILENT_WITHIN_MS if interrupted else abs(missing_ms) <= LENGTH_TOLERANCE_MS
        lengths = f"{seconds(turn.loud.length):.2f} of {seconds(turn.original.length):.2f} s"
        detail = f"{lengths}, likeness {turn.likeness:.3f}"
        if turn.latency is not None:
            detail += f", {ms(turn.latency):.0f} ms after the caller's last sound"
        if turn.answer_time is not None:
            detail += f", {ms(turn.answer_time):.0f} ms after the server's notice of it"
        yield Check(name, right_length and turn.likeness >= LEAST_AGENT_LIKENESS, detail)


def _silenced(call: CallRecord, turns: list[AgentTurn | None], found: list[BargeIn | None]) -> Iterator[Check]:
    for barge_in in found:
        if barge_in is None:
            yield Check("agent silent after the interruption", False, "no event told of it")
            continue
        after_ms = ms(barge_in.silent_at - barge_in.event_at)
        whole_ms = ms(barge_in.silent_at - barge_in.caller.start)
        detail = f"{after_ms:.0f} ms after the event, {whole_ms:.0f} ms after the caller's first sound"
        yield Check("agent silent after the interruption", after_ms <= SILENT_WITHIN_MS, detail)
        yield _truncated(call, turns[barge_in.turn])


def _truncated(call: CallRecord, turn: AgentTurn | None) -> Check:
    name = "server told what was heard"
    told = [entry.body["audio_end_ms"] for entry in call.events("conversation.item.truncated")]
    if turn is None or len(told) != 1:
        return Check(name, False, f"{len(told)} items truncated")
    heard_ms = ms(turn.end - turn.begin)
    detail = f"truncated at {told[0]} ms; heard {heard_ms:.0f} ms"
    return Check(name, abs(told[0] - heard_ms) <= TRUNCATE_TOLERANCE_MS, detail)


def _responses(call: CallRecord) -> Check:
    statuses = [entry.body["response"]["status"] for entry in call.events("response.done")]
    turns = range(len(call.conversation.agent_lines))
    wanted = ["cancelled" if call.conversation.is_interrupted(turn) else "completed" for turn in turns]
    return Check("responses ended as they should", statuses == wanted, ", ".join(statuses) or "none")


def _no_stray(call: CallRecord) -> Check:
    stray = stray_sound(call)
    detail = "every sample zero" if stray is None else f"sound at {seconds(stray.start):.2f} s"
    return Check("silence between the turns", stray is None, detail)


def _ended(call: CallRecord) -> Check:
    name = "final message sent last, closed with 1000"
    codes = [entry.body["message"]["code"] for entry in call.events("disconnect")]
    if len(call.connections) != 1:
        return Check(name, False, f"{len(call.connections)} connections")
    connection = call.connections[0]
    events = connection.received_events()
    last = {key: value for key, value in events[-1].items() if key != "event_id"} if events else {}
    detail = f"last message {last.get('type')}, server saw {connection.close_code}, disconnect event {codes}"
    return Check(name, last == FINAL_MESSAGE and connection.close_code == 1000 and codes == [1000], detail)


def _clean(call: CallRecord) -> Check:
    wrong = list(call.log)
    wrong += [f"{call.bugs_left} media bugs left"] if call.bugs_left else []
    wrong += [f"{len(call.files_left)} audio files left, as {call.files_left[0]}"] if call.files_left else []
    wrong += [f"the engine ended with {call.engine_exit}"] if call.engine_exit != 0 else []
    detail = "; ".join(wrong) or f"{len(call.events('play'))} audio files written and removed"
    return Check("nothing left over, no warnings", not wrong, detail)


def _on_time(call: CallRecord) -> Check:
    """What makes the measures above good for anything: the tape has every frame, and the clock kept its time."""
    frames = len(call.agent) // FRAME_SAMPLES
    detail = f"{frames} frames of {PTIME_MS} ms, latest by {call.late_max_ns / 1e6:.1f} ms"
    if call.skipped_steps:
        detail += f", {call.skipped_steps} left out: {TOO_BUSY}"
    return Check("recording complete", frames == call.steps and call.skipped_steps == 0, detail)
