import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mod_openai_realtime.local.api_key import VARIABLE, ApiKeyError, given_key

KEY = "sk-not-for-the-list-of-processes"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "key"


def test_an_option_goes_before_a_file_and_a_file_before_the_environment(file: Path) -> None:
    file.write_text("  of-the-file\n")
    environment = {VARIABLE: "of-the-environment"}
    assert given_key("of-the-option", None, environment) == "of-the-option"
    assert given_key(None, file, environment) == "of-the-file"
    assert given_key(None, None, environment) == "of-the-environment"
    assert given_key(None, None, {VARIABLE: ""}) is None
    assert given_key(None, None, {}) is None


@pytest.mark.parametrize("held", ["", "\n", "hush hush", "hush\nhush", "hush\x1b[2J", "hush\0", "hush" * 2000])
def test_a_file_that_holds_no_key_is_an_error_that_does_not_show_it(file: Path, held: str) -> None:
    file.write_text(held)
    with pytest.raises(ApiKeyError, match="it is to hold one line") as raised:
        given_key(None, file, {})
    assert "hush" not in str(raised.value)


def test_a_file_that_can_not_be_read_is_an_error(file: Path) -> None:
    with pytest.raises(ApiKeyError, match="No such file"):
        given_key(None, file, {})


@pytest.mark.parametrize("way", ["file", "environment"])
def test_the_key_is_not_in_the_list_of_processes(file: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "mod_openai_realtime.cli", "local", "--port", "0", "--no-vad"]
    if way == "file":
        file.write_text(KEY)
        command += ["--api-key-file", str(file)]
    else:
        monkeypatch.setenv(VARIABLE, KEY)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            assert KEY.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
            with connect(url, additional_headers={"Authorization": f"Bearer {KEY}"}):
                pass
            with pytest.raises(InvalidStatus), connect(url, additional_headers={"Authorization": "Bearer other"}):
                pass
        finally:
            process.terminate()


def test_both_are_too_many(file: Path) -> None:
    file.write_text(KEY)
    command = [sys.executable, "-m", "mod_openai_realtime.cli", "local", "--api-key", "k", "--api-key-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "not both" in done.stderr
