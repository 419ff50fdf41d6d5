"""Audio files: names, contents, permissions, and a disk that fails."""

import errno
import os
import stat
import wave
from pathlib import Path

import pytest

from mod_openai_realtime.audio.audio_file import AudioFiles

UUID = "3f0c1f7e-8a56-4c0e-9d7b-0d6a1f0f5a11"
PCM = b"\x01\x02\x03\x04\x05\x06"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_are_numbered_and_named_after_channel_and_stream(tmp_path: Path) -> None:
    default, named = AudioFiles(tmp_path, UUID, "default"), AudioFiles(tmp_path, UUID, "ivr_1")

    paths = [default.write(PCM, 24000), default.write(PCM, 24000), named.write(PCM, 24000)]

    assert paths == [
        f"{tmp_path}/{UUID}_0.tmp.wav",
        f"{tmp_path}/{UUID}_1.tmp.wav",
        f"{tmp_path}/{UUID}_ivr_1_0.tmp.wav",
    ]
    assert names(tmp_path) == sorted(Path(path).name for path in paths)


@pytest.mark.parametrize("rate", [8000, 24000, 48000])
@pytest.mark.parametrize(("pcm", "kept"), [(PCM, PCM), (PCM + b"\x07", PCM), (b"\x07", b""), (b"", b"")])
def test_a_file_is_mono_pcm16_at_its_rate_in_whole_samples(tmp_path: Path, rate: int, pcm: bytes, kept: bytes) -> None:
    path = AudioFiles(tmp_path, UUID, "default").write(pcm, rate)

    with wave.open(path) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, rate)
        assert wav.getnframes() == len(kept) // 2
        assert wav.readframes(100) == kept
    assert Path(path).stat().st_size == 44 + len(kept)


def test_only_the_owner_may_read_a_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = AudioFiles(tmp_path, UUID, "default").write(PCM, 24000)
    finally:
        os.umask(before)

    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_names_that_are_taken_are_passed_over_and_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (tmp_path / f"{UUID}_0.tmp.wav").symlink_to(victim)
    (tmp_path / f"{UUID}_1.tmp.wav").write_bytes(b"not ours")
    files = AudioFiles(tmp_path, UUID, "default")

    path = files.write(PCM, 24000)
    files.remove_all()

    assert path == f"{tmp_path}/{UUID}_2.tmp.wav"
    assert not victim.exists()
    assert names(tmp_path) == [f"{UUID}_0.tmp.wav", f"{UUID}_1.tmp.wav"]


def test_a_folder_full_of_taken_names_is_an_error_and_not_an_endless_search(tmp_path: Path) -> None:
    for index in range(150):
        (tmp_path / f"{UUID}_{index}.tmp.wav").touch()

    with pytest.raises(OSError):
        AudioFiles(tmp_path, UUID, "default").write(PCM, 24000)


@pytest.mark.parametrize("uuid", ["../../etc/x", "/etc/x", "..", ".", "", "a/b", "a\0b", "a\nb", "é" * 300, "x" * 5000])
def test_no_uuid_leads_out_of_the_folder(tmp_path: Path, uuid: str) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)

    path = AudioFiles(folder, uuid, "z" * 64).write(PCM, 24000)

    assert Path(path).resolve().parent == folder
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["b"]


def test_remove_all_removes_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    files, other = AudioFiles(tmp_path, UUID, "default"), AudioFiles(tmp_path, UUID, "1")
    first, kept = Path(files.write(PCM, 24000)), other.write(PCM, 24000)
    files.write(PCM, 24000)
    first.unlink()

    files.remove_all()
    files.remove_all()

    assert names(tmp_path) == [Path(kept).name]


def test_numbers_go_on_after_remove_all(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path, UUID, "default")
    files.write(PCM, 24000)
    files.remove_all()

    assert files.write(PCM, 24000).endswith("_1.tmp.wav")


def test_a_missing_folder_is_an_error_until_it_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    files = AudioFiles(folder, UUID, "default")
    with pytest.raises(FileNotFoundError):
        files.write(PCM, 24000)
    folder.mkdir()

    assert Path(files.write(PCM, 24000)).exists()


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk:
        def __init__(self, descriptor: int, mode: str) -> None:
            self._descriptor = descriptor

        def __enter__(self) -> "FullDisk":
            return self

        def __exit__(self, *_: object) -> None:
            os.close(self._descriptor)

        def write(self, content: bytes) -> None:
            os.write(self._descriptor, content[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    files = AudioFiles(tmp_path, UUID, "default")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", FullDisk)
        with pytest.raises(OSError, match="No space"):
            files.write(PCM, 24000)
    assert names(tmp_path) == []

    assert Path(files.write(PCM, 24000)).stat().st_size == 44 + len(PCM)


def test_a_restarted_engine_goes_on_above_the_files_of_the_stream_and_removes_them_too(tmp_path: Path) -> None:
    before, other = AudioFiles(tmp_path, UUID, "default"), AudioFiles(tmp_path, UUID, "7")
    before.write(PCM, 24000)
    before.write(PCM, 24000)
    kept = other.write(PCM, 24000)
    (tmp_path / f"{UUID}_x.tmp.wav").touch()

    files = AudioFiles(tmp_path, UUID, "default")
    files.adopt()

    assert files.write(PCM, 24000).endswith(f"{UUID}_2.tmp.wav")
    files.remove_all()
    assert names(tmp_path) == sorted([Path(kept).name, f"{UUID}_x.tmp.wav"])


def test_adopting_from_a_missing_folder_finds_nothing(tmp_path: Path) -> None:
    AudioFiles(tmp_path / "none", UUID, "default").adopt()


def test_numbers_go_on_above_those_of_the_engine_before(tmp_path: Path) -> None:
    (tmp_path / f"{UUID}_5.tmp.wav").write_bytes(b"of the engine before")
    files = AudioFiles(tmp_path, UUID, "default")
    files.adopt()
    assert files.write(PCM, 24000) == f"{tmp_path}/{UUID}_6.tmp.wav"


def test_what_was_removed_is_not_ours_any_more(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path, UUID, "default")
    path = Path(files.write(PCM, 24000))
    files.remove_all()
    path.write_bytes(b"not ours")
    files.remove_all()
    assert path.read_bytes() == b"not ours"
