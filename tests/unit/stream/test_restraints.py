"""What keeps audio back, as the stream's memory has it for who comes after."""

from __future__ import annotations

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.control import Control
from mod_openai_realtime.conversation.turn import TurnFigures
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
