"""The engine's end of a stream's memory, whatever a module has put there: refused, or used within its bounds.

An input is the memory's first bytes, cut off at a page's end, and behind them what to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct

from fuzzing import fuzz
from hypothesis import strategies as st

from mod_openai_realtime._media import Packetizer, StreamMemory, look_back

HEADER = 512
TOTAL = 16384
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
LAYOUT = struct.Struct("<IIQ8I")
sizes = st.sampled_from([0, 1, 3, 4, 8, 40, 64, 352, 360, 4096, 8192, 12288, 16384, 2**31, 2**32 - 1])
positions = st.sampled_from([0, 1, 3, 64, 4096, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1])


@st.composite
def memories(draw: st.DrawFn) -> bytes:
    offsets = [4096, 4, 360, 8192, 1024, 12288, draw(st.sampled_from([0, 4])), 360]
    for at in draw(st.lists(st.integers(0, 7), max_size=3)):
        offsets[at] = draw(sizes)
    magic = draw(st.sampled_from([0x4D52414F] * 9 + [0]))
    header = bytearray(
        LAYOUT.pack(magic, draw(st.sampled_from([4] * 9 + [3])), draw(st.sampled_from([TOTAL] * 9 + [0])), *offsets)
    )
    header += bytes(HEADER - len(header))
    for at in draw(st.lists(st.integers(8, HEADER // 8 - 1), max_size=8)):
        struct.pack_into("<Q", header, 8 * at, draw(positions))
    return bytes(header) + draw(st.binary(max_size=40))


def use(memory: StreamMemory, descriptor: int, script: bytes) -> None:
    for step in script:
        match step % 8:
            case 0 | 1:
                run = Packetizer(memory).read()
                assert run is None or (0 < len(run[0]) <= 16384 and 8000 <= run[1] <= 48000 and run[2] in (1, 2))
            case 2:
                played = memory.read_played()
                assert played is None or len(played[0]) > 0
            case 3:
                Packetizer(memory).skip()
            case 4:
                memory.write_playback(bytes(2 * step))
                position, slots = look_back(memory, step)
                assert position >= 0 and all(0 < len(pcm) <= 16384 and count in (1, 2) for pcm, _, count in slots)
            case 5:
                assert len(memory.unplayed(step)[1]) <= TOTAL
            case 6:
                memory.discard_playback(8000)
            case 7:  # a slot that is whole, and anything
                position = step >> 3
                slot = struct.pack("<QQIHHQ", 2 * position + 2, step << 40, 8000, step % 4, 320, position)
                os.pwrite(descriptor, slot, 4096 + 360 * (position % 4))
    for name in ("faults", "underruns", "write_rate", "playback_tail", "cut_at", "cut_until", "playback_head"):
        assert getattr(memory, name) >= 0


def read(data: bytes) -> None:
    header, script = data[:HEADER], data[HEADER:]
    descriptor = os.memfd_create("fuzz", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, TOTAL)
        os.pwrite(descriptor, header, 0)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
        with contextlib.suppress(ValueError):  # it says what is wrong with the layout
            memory = StreamMemory(descriptor)
            use(memory, descriptor, script)
            memory.close()
    finally:
        os.close(descriptor)


def test_memory() -> None:
    fuzz("memory", read, memories())
