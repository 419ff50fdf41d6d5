"""What the installation says is to be done next."""

import sys
from pathlib import Path

import pytest

from mod_openai_realtime.setup.freeswitch import FreeSwitch
from mod_openai_realtime.setup.install import next_steps

NOWHERE = FreeSwitch(None, None, None, None)


def test_a_python_that_only_its_owner_can_run_is_warned_of_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FreeSWITCH's user, who is to run the engine, is another one."""
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.touch()
    python.parent.chmod(0o755)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    assert f"Only the owner of {tmp_path} can run that command: install the package below /opt" in next_steps(NOWHERE)


def test_a_python_for_all_is_not_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/sh")  # whatever the machine's Pythons are, all may run this
    steps = next_steps(NOWHERE)
    assert "Only the owner of" not in steps
    assert "/bin/sh -m mod_openai_realtime.cli engine" in steps
