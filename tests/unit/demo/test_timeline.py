"""The picture can be drawn of a call that went well, and of one that did not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mod_openai_realtime.demo.timeline import draw_timeline

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_whole_call_is_drawn(call: Any, tmp_path: Path) -> None:
    draw_timeline(tmp_path / "timeline.png", call.record())
    assert (tmp_path / "timeline.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize("samples", [0, 1000])
def test_a_call_that_broke_off_at_once_is_drawn(call: Any, tmp_path: Path, samples: int) -> None:
    call.entries.clear()
    call.agent = np.zeros(samples, np.int16)
    draw_timeline(tmp_path / "timeline.png", call.record(connections=[]))
    assert (tmp_path / "timeline.png").read_bytes().startswith(PNG)
