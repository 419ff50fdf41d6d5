"""What /proc says of the module file that a FreeSWITCH has in its memory."""

import os
from pathlib import Path

import pytest

from mod_openai_realtime.setup.loaded import MappedFile, mapped_files, processes

NAME = "mod_openai_audio_stream"


@pytest.fixture
def module_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "mod"
    folder.mkdir()
    (folder / f"{NAME}.so").write_bytes(b"new")
    return folder


def maps(*files: str, inode: int = 7) -> str:
    anonymous = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 "
    named = [f"7f0000001000-7f0000002000 r-xp 00000000 fe:00 {inode} {' ' * 20}{file}" for file in files]
    return "\n".join([anonymous, *named, "7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0    [vdso]", ""])


def add_process(proc: Path, pid: int, text: str, command: str = "freeswitch") -> Path:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "comm").write_text(command + "\n")
    (folder / "maps").write_text(text)
    return folder


def test_each_file_is_named_once_and_one_that_was_replaced_is_gone() -> None:
    text = maps("/mod/a.so", "/mod/a.so", "/mod/b with a blank.so (deleted)")
    device = os.makedev(0xFE, 0)
    assert mapped_files(text) == [
        MappedFile(Path("/mod/a.so"), device, 7, False),
        MappedFile(Path("/mod/b with a blank.so"), device, 7, True),
    ]


def test_a_file_is_known_by_its_inode_or_where_devices_differ_by_its_path(module_dir: Path) -> None:
    installed = module_dir / f"{NAME}.so"
    found = installed.stat()
    assert MappedFile(Path("/elsewhere"), found.st_dev, found.st_ino, False).is_file(installed)
    assert not MappedFile(installed, found.st_dev, found.st_ino + 1, False).is_file(installed)
    assert MappedFile(installed, found.st_dev + 1, found.st_ino + 1, False).is_file(installed)
    assert not MappedFile(installed, found.st_dev, found.st_ino, True).is_file(installed)


def test_processes_are_those_with_modules_of_the_folder(module_dir: Path, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    (proc / "sys").mkdir(parents=True)
    other = f"{module_dir}/mod_commands.so"
    add_process(proc, 9, maps(other, f"{module_dir}/{NAME}.so (deleted)"))
    add_process(proc, 10, maps(other, f"/root/{NAME}.cpp.so"))
    add_process(proc, 11, maps(other))
    add_process(proc, 12, maps(f"/another/{NAME}.so"))
    found = {each.pid: each.modules for each in processes(module_dir, NAME, proc)}
    assert list(found) == [9, 10, 11]
    assert [(each.path.name, each.gone) for each in found[9] or ()] == [(f"{NAME}.so", True)]
    assert [str(each.path) for each in found[10] or ()] == [f"/root/{NAME}.cpp.so"]
    assert found[11] == ()


def test_a_freeswitch_whose_memory_can_not_be_looked_at_is_told_of(module_dir: Path, tmp_path: Path) -> None:
    for pid, command in (5, "freeswitch"), (6, "bash"):
        folder = add_process(tmp_path / "proc", pid, "", command)
        (folder / "maps").unlink()
        (folder / "maps").mkdir()  # reading it fails, for root too
    assert [(each.pid, each.modules) for each in processes(module_dir, NAME, tmp_path / "proc")] == [(5, None)]


def test_a_process_that_ends_meanwhile_is_passed_over(module_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "proc" / "7").mkdir(parents=True)
    assert list(processes(module_dir, NAME, tmp_path / "proc")) == []
