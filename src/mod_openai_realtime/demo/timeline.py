"""The picture of the call: both tracks, who says what when, and the interruption."""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from ..local.g711 import Samples
from .dialogue import SILENCE_MS
from .measures import AgentTurn, BargeIn, agent_turns, barge_ins
from .record import CallRecord, ms, seconds
from .sound import Span
from .tape import FRAME_SAMPLES

_CALLER, _AGENT, _MUTED, _CUT = "#1f6fb4", "#2f8f4e", "#8a8a8a", "#c4302b"
_HEIGHT = 32768.0
_WIDTH_IN, _LETTER_IN = 18.0, 0.074
"""The figure, and a letter of the texts in it."""


def draw_timeline(path: Path, call: CallRecord) -> None:
    """Writes a PNG. Raises OSError."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (upper, lower) = pyplot.subplots(2, 1, sharex=True, figsize=(_WIDTH_IN, 7.5), layout="constrained")
    turns = [turn for turn in agent_turns(call) if turn is not None]
    interruptions = [each for each in barge_ins(call) if each is not None]
    muted_until = _muted_until(call)
    lower.set_xlim(0, max(seconds(len(call.agent)), 1.0))
    _draw_track(upper, call.caller, "caller", _CALLER)
    _draw_track(lower, call.agent, "agent", _AGENT)
    for line, span in call.caller_spans():
        muted = span.start < muted_until
        _draw_speech(upper, span, f"({line}) muted" if muted else line, _MUTED if muted else _CALLER)
    for turn in turns:
        _draw_speech(lower, Span(turn.begin, turn.end), turn.line, _AGENT)
        _draw_latency(lower, turn)
    for barge_in in interruptions:
        _draw_barge_in((upper, lower), barge_in)
    lower.set_xlabel(
        "seconds since the first frame of the call; arrows: from the caller's last sound to the first sample of the "
        f"answer, of which the server waits {SILENCE_MS} ms for the turn to be over"
    )
    lower.xaxis.set_major_locator(matplotlib.ticker.MultipleLocator(2))
    upper.set_title("One call, as the channel carried it (8 kHz, 20 ms packets)", loc="left", fontsize=13)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _muted_until(call: CallRecord) -> int:
    times = [each.time_ns for each in call.entries if each.source == "command" and each.name == "unmute"]
    return call.sample_at(times[0]) if times else len(call.agent)


def _draw_track(axes: Any, samples: Samples, name: str, color: str) -> None:
    """One vertical stroke a frame, from its lowest to its highest sample."""
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES) / _HEIGHT
    at = np.arange(len(frames)) * seconds(FRAME_SAMPLES)
    axes.fill_between(at, frames.min(axis=1), frames.max(axis=1), color=color, linewidth=0.6, step="post")
    # The room above the waves is for the texts.
    peak = max(0.1, float(np.abs(frames).max(initial=0.0)))
    axes.set_ylim(-1.15 * peak, 3.0 * peak)
    axes.set_yticks([])
    axes.set_ylabel(name, fontsize=13, color=color)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_speech(axes: Any, span: Span, text: str, color: str) -> None:
    begin, end = seconds(span.start), seconds(span.end)
    axes.axvspan(begin, end, color=color, alpha=0.12, linewidth=0)
    letters_a_second = _WIDTH_IN / axes.get_xlim()[1] / _LETTER_IN
    lines = textwrap.wrap(text, max(10, int((end - begin) * letters_a_second)), max_lines=7, placeholder=" …")
    top = axes.get_ylim()[1]
    # On a ground of its own, so that the mark of an interruption does not run through it.
    ground = {"facecolor": "white", "alpha": 0.9, "edgecolor": "none", "pad": 1.5}
    where = {"va": "top", "ha": "left", "zorder": 5}
    axes.text(begin + 0.06, top * 0.97, "\n".join(lines), fontsize=9, bbox=ground, **where)


def _draw_latency(axes: Any, turn: AgentTurn) -> None:
    """From the caller's last sound to the first sample of the answer."""
    if turn.latency is None:
        return
    bottom = axes.get_ylim()[0] * 0.78
    begin, end = seconds(turn.begin - turn.latency), seconds(turn.begin)
    axes.annotate("", (end, bottom), (begin, bottom), arrowprops={"arrowstyle": "<->", "color": "black"})
    axes.text((begin + end) / 2, bottom * 0.72, f"{ms(turn.latency):.0f} ms", ha="center", va="bottom", fontsize=9)


def _draw_barge_in(both: tuple[Any, Any], barge_in: BargeIn) -> None:
    at = seconds(barge_in.event_at)
    for axes in both:
        axes.axvline(at, color=_CUT, linestyle="--", linewidth=1.4)
    after_ms = ms(barge_in.silent_at - barge_in.event_at)
    lower = both[1]
    lower.text(
        at + 0.1,
        lower.get_ylim()[1] * 0.6,
        f"barge-in:\nagent silent\n{after_ms:.0f} ms later",
        va="top",
        ha="left",
        fontsize=10,
        color=_CUT,
        weight="bold",
    )
