"""What a media callback must not do, a system call, is left to threads of the module's own."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from audio.tones import noise
from contract import FarEnd
from contract.clocked import ClockedCall

from mod_openai_realtime.standin import Hold, StandIn

THREADS = Path("/proc/self/task")


def writing_calls() -> list[int]:
    """How many writing system calls each of the stand-in's media threads has made, on which the module's callbacks run.

    The kernel counts them, whatever they write to. The stand-in itself makes none there.
    """
    counts = [each for each in map(_writing_calls, THREADS.iterdir()) if each is not None]
    assert counts
    return counts


def _writing_calls(thread: Path) -> int | None:
    """None of another thread, which may end meanwhile."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        if (thread / "comm").read_text().strip() == "standin_media":
            found = re.search(r"^syscw: (\d+)$", (thread / "io").read_text(), re.MULTILINE)
            assert found is not None
            return int(found[1])
    return None


@pytest.fixture(autouse=True)
def _kernel_counts() -> None:
    if not Path("/proc/self/io").exists():
        pytest.skip("this kernel does not count system calls")


def test_a_silent_channel_gets_its_writer_without_a_system_call(standin: StandIn, far: FarEnd) -> None:
    call = standin.call()
    call.set_sends(False)
    leg = ClockedCall(standin, call)
    leg.start(f"{far.url} mono 8k 8k")
    for number in range(3):
        speech = noise(200, 8000, seed=number)
        far.speak(speech, str(number))
        far.finish(str(number))
        leg.wait_for("openai_speech_stop")
        leg.until(lambda speech=speech: leg.place(speech) >= 0)  # type: ignore[misc]
    assert not any(writing_calls())


@pytest.mark.parametrize("by", [Hold.BY_CALLER, Hold.BY_SWITCH])
@pytest.mark.parametrize("mode", ["mono 8k 8k", "recv 8k", "mono 8k send"])
def test_a_hold_is_told_without_a_system_call_of_a_media_thread(
    standin: StandIn, far: FarEnd, mode: str, by: Hold
) -> None:
    leg = ClockedCall(standin, standin.call())
    leg.start(f"{far.url} {mode}")
    for _ in range(2):
        leg.call.hold(by)
        leg.wait_for("hold")
        leg.call.wait_steps(3)
        leg.call.unhold()
        leg.wait_for("hold")
    assert not any(writing_calls())
