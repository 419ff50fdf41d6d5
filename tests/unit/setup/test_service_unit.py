"""The unit that is shipped: what systemd says of it, and that the page shows the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mod_openai_realtime.setup.install import service_unit

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "run-in-production.md"
EXPOSURE_MAX = 2.5  # of 10, as `systemd-analyze security` counts


def settings(unit: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """As a file that systemd finds nothing to blame in but what is the unit's own."""
    path = tmp_path / "openai-realtime.service"
    lines = service_unit(Path("/opt/freeswitch")).splitlines()
    path.write_text(
        "\n".join("ExecStart=/bin/true" if line.startswith("ExecStart=") else line for line in lines) + "\n"
    )
    return path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def test_systemd_finds_nothing_to_say(unit: Path) -> None:
    result = analyze("verify", str(unit))
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_the_unit_leaves_little_to_an_intruder(unit: Path) -> None:
    result = analyze("security", "--offline=yes", f"--threshold={int(EXPOSURE_MAX * 10)}", str(unit))
    if "unrecognized option" in result.stderr:
        pytest.skip("an older systemd-analyze")
    assert result.returncode == 0, result.stdout


def test_what_freeswitch_reads_can_be_written_and_nothing_else() -> None:
    assert settings(service_unit())["ReadWritePaths"] == "-/tmp -/usr/local/freeswitch -/var/lib/freeswitch"
    assert settings(service_unit(Path("/opt/freeswitch")))["ReadWritePaths"].endswith(" -/opt/freeswitch")
    for shared in ("/usr", "/usr/local", "/usr/local/freeswitch"):
        assert service_unit(Path(shared)) == service_unit()
    assert (
        settings(service_unit()).items()
        >= {"ProtectSystem": "strict", "LimitCORE": "0", "NoNewPrivileges": "yes"}.items()
    )
    assert "PrivateTmp" not in settings(service_unit()), "FreeSWITCH reads in /tmp what the engine writes"


def test_the_page_shows_the_unit() -> None:
    shown = PAGE.read_text().partition("```ini\n")[2].partition("```")[0]
    assert settings(shown) | {"ExecStart": ""} == settings(service_unit()) | {"ExecStart": ""}
