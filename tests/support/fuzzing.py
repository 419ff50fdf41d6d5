"""How the Python targets run: a target is a function of bytes that raises where something is wrong.

As a test, each file of its corpus goes through it, and some inputs of a strategy, always the same ones. In a run of
run.py inputs are made until the time is over, also by changing the corpus; one that fails is made small, and left
where run.py says.
"""

from __future__ import annotations

import hashlib
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning
from hypothesis.strategies import SearchStrategy

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
EXAMPLES = 100  # of a strategy, in a test
_ROUND = 500  # examples between two looks at the clock
_SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
_SEED = int(os.environ.get("FUZZ_SEED", "0"))

Target = Callable[[bytes], None]


def corpus(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


@st.composite
def changed(draw: st.DrawFn, inputs: list[bytes]) -> bytes:
    """One of the inputs with pieces changed, left out, doubled, or taken from another."""
    data = bytearray(draw(st.sampled_from(inputs)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 40)))
        other = draw(st.sampled_from(inputs))
        start = draw(st.integers(0, len(other)))
        data[at:end] = draw(
            st.one_of(
                st.binary(max_size=8),
                st.just(bytes(data[at:end]) * 2),
                st.just(other[start : start + draw(st.integers(0, 60))]),
                st.sampled_from(
                    [b"", b"\0", b'"', b"\\", b"{", b"[", b"\xff", b"\x1b", b"\n", b"-", b"1e999", b"\\ud800"]
                ),
            )
        )
    return bytes(data)


def fuzz(name: str, target: Target, strategy: SearchStrategy[bytes]) -> None:
    """Run it. Raises what the target raises, on the smallest input that is found."""
    inputs = corpus(name)
    for data in inputs:
        target(data)
    executions = len(inputs)

    def one(data: bytes) -> None:
        nonlocal executions, last
        executions += 1
        last = data
        target(data)

    last = b""
    warnings.simplefilter("ignore", HypothesisWarning)  # that an input is long
    everything = st.one_of(strategy, changed(inputs))
    common = {"database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}
    if not _SECONDS:
        settings(max_examples=EXAMPLES, derandomize=True, **common)(given(everything)(one))()  # type: ignore[arg-type]
        return
    end, number = time.monotonic() + _SECONDS, _SEED
    phases = (Phase.generate, Phase.shrink)
    try:
        while time.monotonic() < end:
            number += 1
            settings(max_examples=_ROUND, phases=phases, **common)(seed(number)(given(everything)(one)))()  # type: ignore[arg-type]
    except BaseException:
        # The last that was tried is the smallest: it is what is raised for.
        found = Path(os.environ["FUZZ_FOUND"]) / f"{name}-{hashlib.sha256(last).hexdigest()[:12]}"
        found.write_bytes(last)
        print(f"\ninput: {found}")
        raise
    print(f"\nexecutions {executions} of {name}")
