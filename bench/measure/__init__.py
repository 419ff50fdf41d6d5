"""What the benchmarks share: a load, what it costs, and how that is told. They run what the tests run, from there."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "support"))
