"""No recording leaves the folders that are allowed, whatever its name is and whatever lies in its way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.audio.recording_file import RecordingFile
from mod_openai_realtime.audio.recording_place import PlaceError, find_place


def record(place_of: str | None, folder: Path, *allowed: Path) -> Path:
    """Makes the file; its path."""
    spot = find_place(place_of, str(folder), allowed).open("u", "default")
    try:
        RecordingFile(spot, 8000).close()
    finally:
        os.close(spot.folder_fd)
    return spot.path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rec" / "sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    return tmp_path / "rec"


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (None, "u.wav"),
        ("", "u.wav"),
        (".", "u.wav"),
        ("call.wav", "call.wav"),
        ("./sub//call.wav", "sub/call.wav"),
        ("sub", "sub/u.wav"),
        ("sub/", "sub/u.wav"),
        ("{folder}/call.wav", "call.wav"),
        ("{folder}/sub", "sub/u.wav"),
        ("{folder}", "u.wav"),
        ("..call.wav", "..call.wav"),
    ],
)
def test_names_are_of_the_recordings_folder(folder: Path, wanted: str | None, name: str) -> None:
    path = record(wanted and wanted.format(folder=folder), folder)
    assert path == folder / name and path.is_file()


@pytest.mark.parametrize(
    "wanted",
    [
        *("../call.wav", "sub/../../call.wav", "sub/..", "{folder}/../call.wav", "/etc/call.wav", "{folder}x/call.wav"),
        *("/", "a\0b", "a\nb", "\x1b[2J", "a\u202eb"),
    ],
)
def test_names_that_lead_elsewhere_are_refused_before_the_disk_is_looked_at(folder: Path, wanted: str) -> None:
    with pytest.raises(PlaceError):
        find_place(wanted.format(folder=folder), str(folder))


def test_the_configuration_allows_other_folders(folder: Path) -> None:
    other = folder.parent / "other"
    assert record(f"{other}/call.wav", folder, other) == other / "call.wav"
    with pytest.raises(PlaceError):
        find_place(f"{other}/../call.wav", str(folder), [other])


def test_a_folder_of_the_configuration_may_itself_be_a_link(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert record("sub/call.wav", link) == link / "sub" / "call.wav"
    assert (folder / "sub" / "call.wav").is_file()


def test_a_link_on_the_way_is_not_followed(folder: Path) -> None:
    (folder / "way").symlink_to(folder.parent / "other")
    with pytest.raises(NotADirectoryError, match="no folder, or a link"):
        record("way/call.wav", folder)
    (folder / "sub" / "way").symlink_to("..")
    with pytest.raises(NotADirectoryError):
        record("sub/way/call.wav", folder)
    assert list((folder.parent / "other").iterdir()) == []


def test_a_link_in_place_of_the_file_is_passed_over(folder: Path) -> None:
    (folder / "way.wav").symlink_to(folder.parent / "other")
    (folder / "call.wav").symlink_to(folder.parent / "other" / "call.wav")
    record("way.wav", folder)
    record("call.wav", folder)
    assert (folder / "way_2.wav").is_file() and (folder / "call_2.wav").is_file()
    assert list((folder.parent / "other").iterdir()) == []


def test_a_link_that_is_made_after_the_look_changes_nothing(folder: Path) -> None:
    spot = find_place("sub/call.wav", str(folder)).open("u", "default")
    (folder / "sub").rename(folder / "moved")
    (folder / "sub").symlink_to(folder.parent / "other")
    RecordingFile(spot, 8000).close()
    os.close(spot.folder_fd)
    assert (folder / "moved" / "call.wav").is_file()
    assert list((folder.parent / "other").iterdir()) == []


def test_a_folder_that_is_missing_is_an_error_and_leaves_nothing_open(folder: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for wanted in ("missing/call.wav", "sub/missing/x/call.wav"):
        with pytest.raises(FileNotFoundError):
            record(wanted, folder)
    with pytest.raises(FileNotFoundError):
        record("call.wav", folder / "missing")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_without_a_recordings_folder_there_is_nothing_to_be_relative_to(folder: Path) -> None:
    for wanted in (None, "call.wav"):
        with pytest.raises(PlaceError, match="no folder for recordings"):
            find_place(wanted, "")
    assert find_place(f"{folder}/call.wav", "", [folder]).parts == ("call.wav",)


@given(st.lists(st.sampled_from(["..", ".", "/", "sub", "a", "rec", "\x00", "%2e%2e", "~"]), max_size=8), st.booleans())
def test_no_name_leads_out(parts: list[str], absolute: bool) -> None:
    try:
        place = find_place(("/" if absolute else "") + "/".join(parts), "/rec")
    except PlaceError:
        return
    assert place.folder == Path("/rec")
    assert not {"..", "/", ""} & set(place.parts)
