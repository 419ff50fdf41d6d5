"""What audio files may take of the disk, and of the memory while they wait for it."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import orjson
import pytest

from mod_openai_realtime.audio import file_quota, file_writer
from mod_openai_realtime.audio.audio_file import AudioFiles
from mod_openai_realtime.audio.file_quota import BLOCK_BYTES, FileQuota
from mod_openai_realtime.audio.file_writer import FileWriter
from mod_openai_realtime.dialect.messages import ServerMessage, classify


class Disk:
    """An executor that works when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []

    def submit(self, work: Callable[[], None]) -> Future[None]:
        self.jobs.append(work)
        return Future()

    async def work(self) -> None:
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            job()
        await asyncio.sleep(0)


class Bench:
    def __init__(self, folder: Path, quota: FileQuota, uuid: str = "u") -> None:
        self.disk: Any = Disk()
        self.folder = folder
        self.writer = FileWriter(AudioFiles(folder, uuid, "default"), self.disk, quota)
        self.played: list[bytes] = []
        self.warnings: list[str] = []

    def write(self, size: int, times: int = 1, message: ServerMessage | None = None) -> None:
        for _ in range(times):
            self.writer.write(bytes(size), 24_000, message, self.played.append, self.warnings.append)

    @property
    def bytes_on_disk(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir())


@pytest.fixture
async def quota() -> AsyncIterator[FileQuota]:
    yield FileQuota()


async def test_a_stream_has_so_much_of_the_disk_and_no_more(
    tmp_path: Path, quota: FileQuota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writer, "MAX_STREAM_BYTES", 1 << 20)
    bench = Bench(tmp_path, quota)
    for _ in range(20):
        bench.write(100_000)
        await bench.disk.work()
    assert len(bench.played) == 10
    assert bench.bytes_on_disk <= 1 << 20
    assert bench.warnings == ["audio files are skipped: the stream has 1 MiB of them already"]
    bench.writer.remove_all()
    await bench.disk.work()
    assert quota.taken_bytes == bench.bytes_on_disk == 0


async def test_all_streams_together_have_so_much_and_what_one_gives_back_is_another_s(tmp_path: Path) -> None:
    quota = FileQuota(1 << 20)
    one, other = Bench(tmp_path, quota, "one"), Bench(tmp_path, quota, "other")
    for bench in one, other:
        bench.write(600_000)
        await bench.disk.work()
    assert (len(one.played), len(other.played)) == (1, 0)
    assert other.warnings == ["audio files are skipped: the streams of this worker have 1 MiB of them already"]
    one.writer.remove_all()
    await one.disk.work()
    other.write(600_000)
    await other.disk.work()
    assert len(other.played) == 1


async def test_many_short_files_count_as_what_they_take(tmp_path: Path) -> None:
    quota = FileQuota(10 * BLOCK_BYTES)
    bench = Bench(tmp_path, quota)
    bench.write(2, times=20)
    await bench.disk.work()
    assert len(bench.played) == 10


async def test_audio_that_waits_for_a_slow_disk_is_bounded_by_bytes(tmp_path: Path, quota: FileQuota) -> None:
    bench = Bench(tmp_path, quota)
    bench.write(6 * 2**20, times=20)
    assert len(bench.disk.jobs) == 5
    assert bench.warnings == [f"audio files are skipped: the disk of {tmp_path} is too slow"]
    await bench.disk.work()
    bench.write(6 * 2**20)
    await bench.disk.work()
    assert len(bench.played) == 6


async def test_a_file_that_could_not_be_written_takes_nothing(tmp_path: Path, quota: FileQuota) -> None:
    bench = Bench(tmp_path / "none", quota)
    bench.write(1000)
    await bench.disk.work()
    assert quota.taken_bytes == 0 and len(bench.warnings) == 1


async def test_what_an_engine_before_wrote_counts_too(tmp_path: Path, quota: FileQuota) -> None:
    before = Bench(tmp_path, FileQuota())
    before.write(50_000, times=2)
    await before.disk.work()
    bench = Bench(tmp_path, quota)
    bench.writer.adopt()
    await bench.disk.work()
    assert quota.taken_bytes == 2 * 50_044
    bench.writer.remove_all()
    await bench.disk.work()
    assert quota.taken_bytes == bench.bytes_on_disk == 0


def test_the_figures() -> None:
    assert file_quota.MAX_STREAM_BYTES // (2 * 24_000 * 60) == 93  # minutes


def delta(**fields: object) -> ServerMessage:
    return classify(orjson.dumps({"type": "response.output_audio.delta", "delta": "AAAA", **fields}))


async def test_a_play_event_is_the_message_with_the_file(tmp_path: Path, quota: FileQuota) -> None:
    bench = Bench(tmp_path, quota)
    bench.write(320, message=delta(item_id="i", file="/etc/passwd", more={"é": [1, 2.5]}))
    bench.write(320)
    await bench.disk.work()
    first, second = (orjson.loads(body) for body in bench.played)
    path = first.pop("file")
    assert Path(path).parent == tmp_path
    assert first == {"type": "response.output_audio.delta", "item_id": "i", "more": {"é": [1, 2.5]}}
    assert list(second) == ["file"]


async def test_a_message_with_much_beside_its_audio_is_not_kept_until_the_file_is_written(
    tmp_path: Path, quota: FileQuota
) -> None:
    bench = Bench(tmp_path, quota)
    tracemalloc.start()
    try:
        for _ in range(20):
            bench.write(320, message=delta(item_id="x" * 1_000_000))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
    await bench.disk.work()
    assert [list(orjson.loads(body)) for body in bench.played] == [["file"]] * 20
    (warning,) = bench.warnings
    assert "more than 64 KiB beside its audio" in warning


async def test_what_has_been_written_waits_no_more(
    tmp_path: Path, quota: FileQuota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writer, "MAX_WAITING", 2)
    monkeypatch.setattr(file_writer, "MAX_WAITING_BYTES", 2 * BLOCK_BYTES)
    bench = Bench(tmp_path, quota)
    for _ in range(3):
        bench.write(2, times=2)
        await bench.disk.work()
    assert len(bench.played) == 6 and bench.warnings == []


async def test_once_a_stream_has_ended_nothing_is_written_or_told_of(tmp_path: Path, quota: FileQuota) -> None:
    bench = Bench(tmp_path, quota)
    bench.write(2)
    bench.writer.remove_all()
    bench.write(2)
    await bench.disk.work()
    assert bench.played == [] and bench.bytes_on_disk == 0
