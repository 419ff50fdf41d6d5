"""From the C++ module to this one and back, as docs/how-to/switch-over.md says; and that the doctor sees through it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_process import EngineProcess
from freeswitch import RealSwitch

from mod_openai_realtime.native import MODULE_PATH

HERE = Path(__file__).parent
API = "uuid_openai_audio_stream"


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """A C++ module that stays in memory after it is unloaded."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ to build a C++ module with")
    built = tmp_path / "former.so"
    includes = HERE.parents[1] / "native" / "freeswitch"
    source = HERE / "unique_module.cpp"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-I", includes, "-o", built, source], check=True)
    return built


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    process = EngineProcess(tmp_path)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def switch(prefix: Path, tmp_path: Path, former: Path, engine: EngineProcess) -> Iterator[RealSwitch]:
    """A FreeSWITCH that runs the C++ module."""
    switch = RealSwitch(prefix, None, engine.socket, tmp_path)
    shutil.copy2(former, switch.configuration.folder("mod") / MODULE_PATH.name)
    with switch:
        assert switch.load_module().startswith("+OK")
        assert switch.api(API) == "the C++ module, asked 1 times"
        yield switch


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "mod_openai_realtime.cli", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_switching_over_takes_a_restart_and_the_doctor_says_so(
    switch: RealSwitch, engine: EngineProcess, former: Path
) -> None:
    folder = switch.configuration.folder("mod")

    def doctor() -> subprocess.CompletedProcess[str]:
        return command("doctor", "--module-dir", folder, "--socket", engine.socket)

    assert command("install", "--module-dir", folder).returncode == 0
    for _ in range(2):
        told = doctor()
        assert told.returncode == 1
        assert f"FreeSWITCH (process {switch.pid}) has another module in its memory, the former {folder}" in told.stdout
        assert "restart FreeSWITCH" in told.stdout
        assert "+OK" in switch.api("reload mod_openai_audio_stream", 60)
        assert switch.api(API).startswith("the C++ module"), "the loader gave the old code again"

    switch.stop()
    assert "no FreeSWITCH with modules of" in doctor().stdout
    switch.start()
    assert "has not loaded the module" in doctor().stdout or "no FreeSWITCH with modules of" in doctor().stdout
    assert switch.load_module().startswith("+OK")
    assert switch.api(API).startswith("USAGE")
    told = doctor()
    assert told.returncode == 0, told.stdout
    assert f"FreeSWITCH (process {switch.pid}) has the installed module in its memory" in told.stdout

    # The way back takes no restart: nothing of this module stays in memory.
    fresh = folder / ".new.so"
    shutil.copy2(former, fresh)
    fresh.replace(folder / MODULE_PATH.name)
    assert "+OK" in switch.api("reload mod_openai_audio_stream", 60)
    assert switch.api(API).startswith("the C++ module")
    assert "another module than this package's" in doctor().stdout


def test_a_newer_module_of_this_project_takes_a_reload(prefix: Path, tmp_path: Path, engine: EngineProcess) -> None:
    switch = RealSwitch(prefix, MODULE_PATH, engine.socket, tmp_path)
    with switch:
        folder = switch.configuration.folder("mod")
        assert switch.load_module().startswith("+OK")
        assert command("install", "--module-dir", folder).returncode == 0
        told = command("doctor", "--module-dir", folder, "--socket", engine.socket)
        assert told.returncode == 1 and "`reload mod_openai_audio_stream` in fs_cli is enough" in told.stdout
        assert "+OK" in switch.api("reload mod_openai_audio_stream", 60)
        told = command("doctor", "--module-dir", folder, "--socket", engine.socket)
        assert told.returncode == 0, told.stdout
