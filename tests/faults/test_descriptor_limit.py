"""FreeSWITCH at its limit of open files: a start says so and leaves nothing behind, and a stream is not forgotten."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_process import EngineProcess

from mod_openai_realtime.native import MODULE_PATH
from mod_openai_realtime.standin import Call, StandIn

pytestmark = pytest.mark.skipif(not MODULE_PATH.exists(), reason="the module has not been built")

NOWHERE = "ws://127.0.0.1:9/"
NEEDED = 3  # the link, the memory, and the memory's once more to be sent
REASON = "FreeSWITCH has too many open files"


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        engine = EngineProcess(Path(folder))
        engine.start()
        yield engine
        engine.stop()


@pytest.fixture
def switch(engine: EngineProcess) -> Iterator[StandIn]:
    with StandIn(engine_socket=engine.socket) as switch:
        yield switch


@contextlib.contextmanager
def left(descriptors: int) -> Iterator[None]:
    """This process, which the switch is a part of, can open so many files more, and no others."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 10, before[1]))
    fillers: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                fillers.append(os.open("/dev/null", os.O_RDONLY))
        for filler in fillers[:descriptors]:
            os.close(filler)
        del fillers[:descriptors]
        yield
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def command(switch: StandIn, call: Call, arguments: str) -> str:
    return switch.api("uuid_openai_audio_stream", f"{call.uuid} {arguments}").rstrip("\n")


@pytest.mark.parametrize("descriptors", range(NEEDED))
def test_a_start_without_a_descriptor_says_so_and_leaves_nothing(switch: StandIn, descriptors: int) -> None:
    call = switch.call()
    with left(descriptors):
        assert command(switch, call, f"start {NOWHERE} mono") == f"-ERR {REASON}"
    assert call.bug_count == 0
    assert command(switch, call, "list") == "+OK []"
    assert command(switch, call, f"start {NOWHERE} mono") == "+OK Success"


def test_with_the_last_descriptors_it_succeeds(switch: StandIn) -> None:
    call = switch.call()
    with left(NEEDED):
        assert command(switch, call, f"start {NOWHERE} mono") == "+OK Success"


@pytest.mark.parametrize("descriptors", [0, 1])
def test_a_start_whose_media_was_to_come_leaves_nothing_either(switch: StandIn, descriptors: int) -> None:
    call = switch.call(8000, state="early", outbound=True, negotiated=False)
    assert command(switch, call, f"start {NOWHERE} mono") == "+OK Success"
    with left(descriptors):
        call.negotiate()
        event = switch.wait_event("error", call.uuid, 60)
    assert json.loads(event.body)["message"]["error"] == REASON
    assert call.bug_count == 0
    assert command(switch, call, "list") == "+OK []"


def test_a_stream_is_resumed_once_there_is_a_descriptor_for_it(switch: StandIn, engine: EngineProcess) -> None:
    call = switch.call()
    assert command(switch, call, f"start {NOWHERE} mono") == "+OK Success"
    (worker,) = engine.children
    with left(0):
        os.kill(worker, signal.SIGKILL)
        while "Engine is not running" not in switch.wait_event("error", call.uuid, 60).body:
            pass
        # The lost link's is free by now, so there is one.
        assert command(switch, call, "list") == f"-ERR {REASON}"
    reply = command(switch, call, "list")
    assert [stream["name"] for stream in json.loads(reply.removeprefix("+OK "))] == ["default"]
