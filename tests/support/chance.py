"""How many made-up inputs a test tries: few, and always the same, in an ordinary run.

`EXAMPLES_TIMES=20 make test` tries twenty times as many, and others each time.
"""

from __future__ import annotations

import os

from hypothesis import settings

TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))

# How long an example takes depends on what else the machine does.
settings.register_profile("tests", deadline=None, database=None, derandomize=TIMES == 1, max_examples=100 * TIMES)


def examples(number: int) -> settings:
    """So many in an ordinary run."""
    return settings(max_examples=number * TIMES)
