"""What the doctor finds, and what it says to do."""

import os
import socket
from pathlib import Path

import pytest

from mod_openai_realtime import __version__
from mod_openai_realtime.engine.listening import listening
from mod_openai_realtime.native import MODULE_PATH, module_version
from mod_openai_realtime.setup import loaded
from mod_openai_realtime.setup.doctor import Finding, Verdict, examine
from mod_openai_realtime.setup.freeswitch import FreeSwitch
from mod_openai_realtime.setup.install import CONF_NAME, install


@pytest.fixture
def switch(tmp_path: Path) -> FreeSwitch:
    """A FreeSWITCH's folders, with the module in them."""
    folders = tmp_path / "mod", tmp_path / "conf"
    for folder in folders:
        folder.mkdir()
    found = FreeSwitch(None, None, *folders)
    list(install(found))
    return found


def findings(switch: FreeSwitch, path: Path = Path("/run/openai-realtime/engine.sock")) -> list[Finding]:
    return list(examine(path, None, switch.module_dir, switch.conf_dir))


def about(found: list[Finding], word: str) -> Finding:
    (only,) = [each for each in found if word in each.what]
    return only


def installed(switch: FreeSwitch) -> Path:
    assert switch.module_dir is not None
    return switch.module_dir / MODULE_PATH.name


def conf(switch: FreeSwitch) -> Path:
    assert switch.conf_dir is not None
    return switch.conf_dir / CONF_NAME


def test_the_module_file_says_this_package_s_version() -> None:
    assert module_version(MODULE_PATH) == __version__


def test_what_is_installed_is_well(switch: FreeSwitch) -> None:
    found = findings(switch)
    assert about(found, "module installed").verdict is Verdict.GOOD
    assert about(found, "configuration").verdict is Verdict.GOOD


def test_a_module_of_the_same_version_built_elsewhere_is_well(switch: FreeSwitch) -> None:
    with installed(switch).open("ab") as file:
        file.write(b"another build")
    assert about(findings(switch), "module installed").verdict is Verdict.GOOD


def test_another_version_is_named(switch: FreeSwitch) -> None:
    content = MODULE_PATH.read_bytes()
    other = "9" + __version__[1:]
    installed(switch).write_bytes(content.replace(f" {__version__}\0".encode(), f" {other}\0".encode()))
    found = about(findings(switch), f"has version {other}, this package {__version__}")
    assert found.verdict is Verdict.BAD and "install" in found.remedy


def test_another_module_of_the_same_name_is_told(switch: FreeSwitch) -> None:
    installed(switch).write_bytes(b"\x7fELF of C++")
    assert about(findings(switch), "another module than this package's").verdict is Verdict.BAD


def test_what_can_not_be_read_is_told(switch: FreeSwitch) -> None:
    for file in installed(switch), conf(switch):
        file.unlink()
        file.mkdir()
    found = findings(switch)
    assert about(found, f"{installed(switch)} can't be read: Is a directory").verdict is Verdict.BAD
    assert about(found, f"{conf(switch)} can't be read: Is a directory").verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("gone", "named", "verdict"),
    [
        (False, "has the installed module", Verdict.GOOD),
        (True, "has another module in its memory, the former /", Verdict.BAD),
        (None, "has not loaded the module", Verdict.NOTE),
    ],
)
def test_it_says_whether_freeswitch_runs_what_is_installed(
    switch: FreeSwitch, monkeypatch: pytest.MonkeyPatch, gone: bool | None, named: str, verdict: Verdict
) -> None:
    file = installed(switch)
    status = file.stat()
    modules = () if gone is None else (loaded.MappedFile(file, status.st_dev, status.st_ino, gone),)
    monkeypatch.setattr(loaded, "processes", lambda *_: iter([loaded.Process(123, os.getuid(), modules)]))
    found = about(findings(switch), "FreeSWITCH (process 123)")
    assert named in found.what and found.verdict is verdict
    assert bool(found.remedy) == (verdict is not Verdict.GOOD)


def test_a_freeswitch_of_another_user_is_a_note(switch: FreeSwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "processes", lambda *_: iter([loaded.Process(123, 0, None)]))
    found = about(findings(switch), "FreeSWITCH (process 123) is of user root")
    assert found.verdict is Verdict.NOTE and "as root" in found.remedy


def test_an_engine_that_answers_is_well(switch: FreeSwitch, tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    conf(switch).write_text(conf(switch).read_text().replace("/run/openai-realtime/engine.sock", str(path)))
    with listening(path):
        found = findings(switch, path)
    assert about(found, f"engine at {path}: process {os.getpid()}").verdict is Verdict.GOOD
    assert about(found, "configuration").verdict is Verdict.GOOD


def test_a_socket_that_nobody_listens_on_is_told(switch: FreeSwitch, tmp_path: Path) -> None:
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    found = about(findings(switch, path), "Connection refused")
    assert found.verdict is Verdict.BAD and f"engine --socket {path}" in found.remedy


def test_a_path_that_is_no_socket_s_is_told(switch: FreeSwitch, tmp_path: Path) -> None:
    assert about(findings(switch, tmp_path), "is no socket").verdict is Verdict.BAD
    assert about(findings(switch, tmp_path / ("x" * 150)), "at most can be used").verdict is Verdict.BAD
    assert about(findings(switch, installed(switch) / "x"), "Not a directory").verdict is Verdict.BAD


def test_a_configuration_that_freeswitch_can_not_read_is_told(switch: FreeSwitch) -> None:
    conf(switch).write_text("<configuration><!-- the option --socket --></configuration>")
    found = about(findings(switch), "keeps it from starting")
    assert found.verdict is Verdict.BAD and "--overwrite-conf" in found.remedy


@pytest.mark.parametrize(
    "quoted", ['value="/tmp/other.sock" name="engine-socket"', "name='engine-socket' value='/tmp/other.sock'"]
)
def test_another_socket_in_the_configuration_is_told_however_it_is_written(switch: FreeSwitch, quoted: str) -> None:
    commented = '<!-- <param name="engine-socket" value="/run/openai-realtime/engine.sock"/> -->'
    conf(switch).write_text(f"<configuration><settings>{commented}<param {quoted}/></settings></configuration>")
    assert about(findings(switch), "names another socket: /tmp/other.sock").verdict is Verdict.BAD


def test_a_prefix_without_freeswitch_is_told_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    found = list(examine(tmp_path / "engine.sock", tmp_path))
    assert about(found, f"no FreeSWITCH in {tmp_path}").verdict is Verdict.BAD
    assert about(found, "engine at").verdict is Verdict.BAD
