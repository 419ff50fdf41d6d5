"""The file of a recording: right at any moment, never another's."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from mod_openai_realtime.audio.recording_file import RecordingFile
from mod_openai_realtime.audio.recording_place import Spot


def spot(path: Path) -> Spot:
    """Its folder stays open for the rest of the process."""
    return Spot(path, os.open(path.parent, os.O_PATH))


def read(path: Path) -> tuple[int, int, bytes]:
    """Channels, rate, audio; the sizes in the header have to be the file's."""
    with wave.open(str(path)) as wav:
        pcm = wav.readframes(wav.getnframes())
    content = path.read_bytes()
    assert int.from_bytes(content[4:8], "little") == len(pcm) + 36
    return wav.getnchannels(), wav.getframerate(), pcm


def test_the_file_is_whole_after_each_block(tmp_path: Path) -> None:
    file = RecordingFile(spot(tmp_path / "a.wav"), 8000)
    assert read(file.path) == (2, 8000, b"")
    file.write(0, b"abcd" * 10)
    assert read(file.path) == (2, 8000, b"abcd" * 10)
    file.write(10, b"efgh" * 10)
    assert read(file.path) == (2, 8000, b"abcd" * 10 + b"efgh" * 10)
    file.close()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_file_that_exists_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"mine")
    (tmp_path / "a_2.wav").symlink_to(tmp_path / "elsewhere")
    file = RecordingFile(spot(tmp_path / "a.wav"), 8000)
    file.close()
    assert file.path == tmp_path / "a_3.wav"
    assert (tmp_path / "a.wav").read_bytes() == b"mine"
    assert not (tmp_path / "elsewhere").exists()


def test_an_engine_that_comes_later_goes_on_with_silence_for_the_gap(tmp_path: Path) -> None:
    first = RecordingFile(spot(tmp_path / "a.wav"), 8000)
    first.write(0, b"abcd" * 10)
    first.close()
    later = RecordingFile(spot(tmp_path / "a.wav"), 8000, first.number)
    later.write(15, b"efgh" * 5)
    later.close()
    assert read(first.path)[2] == b"abcd" * 10 + bytes(20) + b"efgh" * 5


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    first = RecordingFile(spot(tmp_path / "a.wav"), 8000)
    first.write(0, b"abcd" * 10)
    first.close()
    later = RecordingFile(spot(tmp_path / "a.wav"), 8000, first.number)
    later.write(8, b"efgh" * 5)
    later.close()
    assert read(first.path)[2] == b"abcd" * 10 + b"efgh" * 3


@pytest.mark.parametrize("content", [None, b"", b"something else" * 10])
def test_a_file_that_is_gone_or_another_is_not_gone_on_with(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    file = RecordingFile(spot(tmp_path / "a.wav"), 8000, 1)
    file.write(800, b"abcd")
    file.close()
    assert read(file.path)[2] == b"abcd"
    assert content is None or (tmp_path / "a.wav").read_bytes() == content


def test_an_unwritable_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    there = spot(tmp_path / "gone" / "a.wav")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError):
        RecordingFile(there, 8000)


def test_a_full_disk_leaves_what_was_written_before(tmp_path: Path) -> None:
    file = RecordingFile(spot(tmp_path / "a.wav"), 8000)
    file.write(0, b"abcd" * 1000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            file.write(1000, b"efgh" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    file.close()
    assert read(file.path)[2] == b"abcd" * 1000
    assert file.path.stat().st_size == 4044


def test_a_wav_file_ends_before_its_sizes_overflow(tmp_path: Path) -> None:
    file = RecordingFile(spot(tmp_path / "a.wav"), 8000)
    file.write(0, b"abcd")
    with pytest.raises(OSError, match="4 GiB"):
        file.write((1 << 30) - 11, b"abcd")
    file.close()
    assert read(file.path)[2] == b"abcd"


def test_a_process_that_is_killed_leaves_a_valid_file(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from mod_openai_realtime.audio.recording_file import RecordingFile\n"
        "from mod_openai_realtime.audio.recording_place import Spot\n"
        "path = Path(sys.argv[1])\n"
        "file = RecordingFile(Spot(path, os.open(path.parent, os.O_PATH)), 8000)\n"
        "for at in range(0, 1 << 30, 4000):\n"
        "    file.write(at, b'abcd' * 4000)\n"
        "    print(at + 4000, flush=True)\n"
    )
    path = tmp_path / "a.wav"
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(50)]
    writer.kill()
    told += [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    writer.stdout.close()
    with wave.open(str(path)) as wav:
        assert told[-1] <= wav.getnframes() <= told[-1] + 4000
        assert set(wav.readframes(wav.getnframes())) == set(b"abcd")
