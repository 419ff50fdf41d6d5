"""Where a FreeSWITCH is looked for, and what is said where there is none."""

from pathlib import Path

import pytest

from mod_openai_realtime.setup.freeswitch import NoFreeSwitchError, find


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FREESWITCH_PREFIX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr("mod_openai_realtime.setup.freeswitch._USUAL", (str(tmp_path / "usual"),))


def make(prefix: Path, modules: str = "lib/freeswitch/mod", conf: str = "etc/freeswitch") -> Path:
    for name in ("bin", modules, conf):
        (prefix / name).mkdir(parents=True)
    (prefix / "bin" / "freeswitch").write_text("#!/bin/sh\n")
    return prefix


@pytest.mark.parametrize(
    ("modules", "conf"),
    [
        ("lib/freeswitch/mod", "etc/freeswitch"),
        ("lib64/freeswitch/mod", "etc/freeswitch"),
        ("lib/x86_64-linux-gnu/freeswitch/mod", "etc/freeswitch"),
        ("mod", "conf"),
    ],
)
def test_a_prefix_leads_to_its_folders(tmp_path: Path, modules: str, conf: str) -> None:
    found = find(make(tmp_path / "fs", modules, conf))
    assert found.module_dir == tmp_path / "fs" / modules
    assert found.conf_dir == tmp_path / "fs" / conf


def test_a_wrong_prefix_is_named_with_what_is_missing_there(tmp_path: Path) -> None:
    with pytest.raises(NoFreeSwitchError, match=rf"no FreeSWITCH in {tmp_path}: none of bin/freeswitch"):
        find(tmp_path)


def test_a_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESWITCH_PREFIX", str(tmp_path))
    with pytest.raises(NoFreeSwitchError, match=f"FREESWITCH_PREFIX={tmp_path}"):
        find()


def test_with_nothing_given_it_says_where_it_has_looked(tmp_path: Path) -> None:
    with pytest.raises(NoFreeSwitchError, match=f"PATH or in {tmp_path}/usual: give --prefix"):
        find()


def test_the_usual_place_is_found(tmp_path: Path) -> None:
    make(tmp_path / "usual")
    assert find().prefix == tmp_path / "usual"


def test_a_module_folder_alone_is_enough_and_another_freeswitch_is_left_alone(tmp_path: Path) -> None:
    make(tmp_path / "usual")
    (tmp_path / "own").mkdir()
    found = find(module_dir=tmp_path / "own")
    assert (found.prefix, found.module_dir, found.conf_dir) == (None, tmp_path / "own", None)


def test_the_module_folder_of_the_freeswitch_found_leads_to_the_rest(tmp_path: Path) -> None:
    prefix = make(tmp_path / "usual")
    found = find(module_dir=prefix / "lib/freeswitch/mod")
    assert found.conf_dir == prefix / "etc/freeswitch"


def test_folders_that_are_given_count(tmp_path: Path) -> None:
    prefix = make(tmp_path / "fs")
    (tmp_path / "own").mkdir()
    found = find(prefix, tmp_path / "own", tmp_path)
    assert (found.module_dir, found.conf_dir) == (tmp_path / "own", tmp_path)
