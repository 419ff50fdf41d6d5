"""The commands `demo` and `local` on the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from mod_openai_realtime.cli import main
from mod_openai_realtime.demo import command, run
from mod_openai_realtime.demo.verdict import Check, Verdict
from mod_openai_realtime.engine_process import EngineStartError


def demo_with(monkeypatch: pytest.MonkeyPatch, outcome: Verdict | Exception, folder: Path) -> tuple[int, str]:
    def run_demo(given: Path, _console: object) -> Verdict:
        assert given == folder
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(run, "run_demo", run_demo)
    result = CliRunner().invoke(main, ["demo", "--output", str(folder)])
    return result.exit_code, result.output


def test_exit_code_0_when_every_check_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, output = demo_with(monkeypatch, Verdict([Check("one", True, ""), Check("two", True, "")]), tmp_path)
    assert (code, output) == (0, "The conversation worked: 2 checks passed.\n")


def test_exit_code_1_names_what_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, output = demo_with(monkeypatch, Verdict([Check("one", True, ""), Check("two", False, "")]), tmp_path)
    assert (code, output) == (1, "Error: 1 of 2 checks failed: two\n")


def test_a_call_that_can_not_be_made_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert demo_with(monkeypatch, EngineStartError("no engine"), tmp_path) == (1, "Error: no engine\n")


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "NEEDED", (("no_such_package", "the voices"),))
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "no_such_package" in result.output and "pip install" in result.output


def test_local_says_what_is_wrong_with_an_agents_file(tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text('{"turns": []}')
    result = CliRunner().invoke(main, ["local", "--port", "0", "--agent", str(tmp_path / "agent.json")])
    assert result.exit_code == 1
    assert "agent.json" in result.output


def test_local_refuses_a_key_without_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "key.pem").touch()
    result = CliRunner().invoke(main, ["local", "--tls-key", str(tmp_path / "key.pem")])
    assert result.exit_code == 2
    assert "--tls-cert" in result.output
