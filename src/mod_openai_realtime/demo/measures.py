"""What the recorded audio says about the agent's turns and the interruption."""

from dataclasses import dataclass, replace

from .journal import Entry
from .record import CallRecord
from .sound import LOUD, Span, extent, likeness
from .tape import RATE

_SLACK_SAMPLES = RATE * 3 // 10
"""An event may be this far from the sound that it tells of; turns are further apart."""


@dataclass(frozen=True)
class AgentTurn:
    """One turn of the agent as it sounded on the channel."""

    number: int
    """0 is the greeting."""
    line: str
    begin: int
    """Where the line's first sample was sent, silent or not."""
    end: int
    """Behind the last sample that is not zero."""
    loud: Span
    """From the first loud sample to the last."""
    original: Span
    """The same in the line as it was spoken."""
    likeness: float
    """Of `loud` to the same length of the line."""
    latency: int | None
    """Samples from the caller's last loud one to `begin`; None for the greeting."""
    answer_time: int | None
    """The same from the server's notice that the caller's turn is over."""


def agent_turns(call: CallRecord) -> list[AgentTurn | None]:
    """One for each line of the agent; None where none of it was heard."""
    starts, stops = call.events("openai_speech_start"), call.events("openai_speech_stop")
    spoken = [span for _, span in call.caller_spans()]
    turns: list[AgentTurn | None] = []
    begin_at = 0
    for number, line in enumerate(call.conversation.agent_lines):
        if number >= len(starts):
            turns.append(None)
            continue
        end_at = call.sample_at(stops[number].time_ns) + _SLACK_SAMPLES if number < len(stops) else len(call.agent)
        turn = _turn(call, number, line, Span(begin_at, end_at))
        # spoken[0] are the words that nobody heard, so spoken[n] is what turn n answers.
        if turn is not None and 0 < number < len(spoken):
            turn = replace(turn, latency=turn.begin - spoken[number].end, answer_time=_answer_time(call, turn.begin))
        turns.append(turn)
        begin_at = end_at
    return turns


def _turn(call: CallRecord, number: int, line: str, window: Span) -> AgentTurn | None:
    sound = call.originals[line]
    heard, original = extent(call.agent, window.start, window.end), extent(sound, level=LOUD)
    loud = extent(call.agent, window.start, window.end, LOUD)
    if heard is None or loud is None or original is None:
        return None
    length = min(loud.length, original.length)
    like, shift = likeness(call.agent[loud.start : loud.end], sound[original.start : original.start + length])
    return AgentTurn(number, line, loud.start + shift - original.start, heard.end, loud, original, like, None, None)


def _answer_time(call: CallRecord, begin: int) -> int | None:
    notices = [call.sample_at(event.time_ns) for event in call.events("input_audio_buffer.speech_stopped")]
    before = [at for at in notices if at <= begin]
    return begin - before[-1] if before else None


@dataclass(frozen=True)
class BargeIn:
    """One interruption of the agent; positions are samples."""

    turn: int
    """Of the agent, that was interrupted."""
    caller: Span
    event_at: int
    """The first word of it that the switch got: the server's speech_started, or openai_speech_stop."""
    silent_at: int
    """Behind the agent's last sample that is not zero, before the caller has finished."""


def barge_ins(call: CallRecord) -> list[BargeIn | None]:
    """One for each interruption in the script; None where no event told of it."""
    found: list[BargeIn | None] = []
    spoken = [span for _, span in call.caller_spans()]
    for turn in range(len(call.conversation.agent_lines)):
        if not call.conversation.is_interrupted(turn):
            continue
        # The caller's line after this turn: spoken[0] was muted, spoken[n] is answered by turn n.
        caller = spoken[turn + 1] if turn + 1 < len(spoken) else None
        event = _first_sign(call, caller) if caller else None
        if caller is None or event is None:
            found.append(None)
            continue
        event_at = call.sample_at(event.time_ns)
        left = extent(call.agent, event_at, caller.end)
        found.append(BargeIn(turn, caller, event_at, left.end if left else event_at))
    return found


def _first_sign(call: CallRecord, caller: Span) -> Entry | None:
    signs = [*call.events("input_audio_buffer.speech_started"), *call.events("openai_speech_stop")]
    during = [sign for sign in signs if caller.start <= call.sample_at(sign.time_ns) <= caller.end]
    return min(during, key=lambda sign: sign.time_ns, default=None)


def stray_sound(call: CallRecord) -> Span | None:
    """Agent audio outside the turns that the events tell of; None if there is none."""
    starts, stops = call.events("openai_speech_start"), call.events("openai_speech_stop")
    silent_from = 0
    for index, start in enumerate(starts):
        stray = extent(call.agent, silent_from, max(silent_from, call.sample_at(start.time_ns) - _SLACK_SAMPLES))
        if stray is not None:
            return stray
        if index >= len(stops):
            return None
        silent_from = call.sample_at(stops[index].time_ns) + _SLACK_SAMPLES
    return extent(call.agent, silent_from)
