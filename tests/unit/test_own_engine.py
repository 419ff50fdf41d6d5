"""The engine as a process of its own: the demo's, a test's, that of a page to talk to an agent."""

import socket
import stat
from pathlib import Path

import pytest

from mod_openai_realtime.engine_process import EngineProcess, EngineStartError


def test_it_listens_while_entered_and_ends_in_order(tmp_path: Path) -> None:
    path = tmp_path / "e.sock"
    with EngineProcess(path, tmp_path / "log") as engine:
        assert stat.S_ISSOCK(path.stat().st_mode)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert engine.exit_code == 0
    assert not path.exists()


def test_an_engine_that_does_not_start_is_an_error_that_names_the_log(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(EngineStartError, match=r"its log is .*log"),
        EngineProcess(tmp_path / "file" / "e.sock", tmp_path / "log"),
    ):
        pass
    assert "cannot listen on" in (tmp_path / "log").read_text()


def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path / "e.sock", tmp_path / "log")
    with pytest.raises(EngineStartError, match="no such file"):
        engine.start("--agent", "missing.py:Missing")
    assert engine.pid is None and engine.exit_code
