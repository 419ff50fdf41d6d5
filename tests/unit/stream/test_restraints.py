"""What keeps audio back, as the stream's memory has it for who comes after."""

from __future__ import annotations

import time

import pytest

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.control import Control
from mod_openai_realtime.audio.playback import Playback
from mod_openai_realtime.conversation.turn import Played, TurnClock, TurnFigures
from mod_openai_realtime.stream.restraints import Restraints


def test_a_wait_is_over_with_the_engine_that_began_it_and_a_pause_is_not() -> None:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    before = Restraints(memory, None, None, TurnFigures())
    before.set(Control.PAUSED, True)
    before.hush(True)
    assert Control(memory.control) == Control.PAUSED | Control.HUSHED
    after = Restraints(memory, None, None, TurnFigures())
    assert Control(memory.control) == Control.PAUSED and Control.PAUSED in after


def test_a_wait_is_no_pause() -> None:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    restraints = Restraints(memory, None, None, TurnFigures())
    restraints.hush(True)
    assert Control.PAUSED not in restraints and restraints.caller_is_wanted
    restraints.hush(False)
    assert memory.control == 0


@pytest.mark.parametrize("wait", [Control.PAUSED, Control.ON_HOLD, Control.HUSHED])
def test_what_is_heard_after_a_wait_tells_nothing_of_latency(wait: Control) -> None:
    switch, turns = SwitchSide(), TurnFigures()
    restraints = Restraints(StreamMemory(switch.fd), None, None, turns)
    turns.delta(0, TurnClock(), "r1", None, 1)
    restraints.hush(True) if wait is Control.HUSHED else restraints.set(wait, True)
    turn = turns.played(Played("r1", time.monotonic_ns(), 20, False))
    assert turn is not None and turn["latency_ms"]["first_delta_to_first_sample"] is None


@pytest.mark.parametrize("restraint", [Control.PLAYBACK_MUTED, Control.CAPTURE_MUTED])
def test_playback_is_muted_where_it_is_meant(restraint: Control) -> None:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    playback = Playback(memory, playback_rate=8000, write_rate=8000)
    restraints = Restraints(memory, None, playback, TurnFigures())
    restraints.set(restraint, True)
    assert playback.muted is (restraint is Control.PLAYBACK_MUTED)
    restraints.set(restraint, False)
    assert not playback.muted
