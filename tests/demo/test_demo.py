"""The demo itself, as a user runs it: endpoint, engine, compiled module, one whole call."""

import json
import subprocess
import sys
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mod_openai_realtime.demo.verdict import TOO_BUSY


def demo(output: Path) -> subprocess.CompletedProcess[str]:
    """Once more where the clock of the call was held up: what is measured then says nothing."""
    command = [sys.executable, "-m", "mod_openai_realtime.cli", "demo", "--output", str(output)]
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        if TOO_BUSY not in done.stdout:
            break
    return done


@pytest.mark.serial
@pytest.mark.timeout(330)
def test_the_demo_holds_its_conversation_and_leaves_its_files(tmp_path: Path) -> None:
    done = demo(tmp_path / "out")
    log = tmp_path / "out" / "engine.log"
    assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")
    assert "FAIL" not in done.stdout

    with wave.open(str(tmp_path / "out" / "call.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        tracks = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(tracks.astype(np.int32)).max(axis=0).min() > 3000

    assert (tmp_path / "out" / "timeline.png").read_bytes().startswith(b"\x89PNG")

    lines = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text("utf-8").splitlines()]
    times = [line["at_s"] for line in lines]
    assert times == sorted(times)
    names = Counter(line["name"] for line in lines if line["source"] == "event")
    assert names["connect"] == names["disconnect"] == 1
    assert names["openai_speech_start"] == names["openai_speech_stop"] >= 3
    assert names["play"] > 0
    kinds = {line["body"]["type"] for line in lines if line["name"] == "json"}
    assert {"session.updated", "input_audio_buffer.speech_started", "conversation.item.truncated"} <= kinds
