"""Transcribers of a user's own, and Python that the command line names."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mod_openai_realtime.local.loading import LoadError, loaded, names_python
from mod_openai_realtime.local.transcribers import TranscriberError, TranscriptionError, of_command, transcriber_of

SAMPLES = np.arange(800, dtype=np.int16)
LENGTH = "import sys, wave; f = wave.open({}); print(' ', f.getnframes(), f.getframerate(), ' ')"


@pytest.mark.parametrize("source", ["sys.stdin.buffer", "sys.argv[1]"])
async def test_a_command_reads_a_wav_and_writes_the_text(source: str) -> None:
    argument = ["{}"] if "argv" in source else []
    transcribe = of_command([sys.executable, "-c", LENGTH.replace("{}", source), *argument])
    assert await transcribe(SAMPLES, 8000) == "800 8000"


async def test_a_command_that_fails_says_why() -> None:
    transcribe = of_command([sys.executable, "-c", "import sys; sys.exit('no model here')"])
    with pytest.raises(TranscriptionError, match="ended with 1: no model here"):
        await transcribe(SAMPLES, 8000)


async def test_a_command_that_hangs_is_ended() -> None:
    transcribe = of_command([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.0)
    with pytest.raises(TranscriptionError, match="has not answered"):
        await transcribe(SAMPLES, 8000)


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_function_of_a_file_will_do(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"hears_{kind[0]}.py"
    file.write_text(f"{kind} words(samples, rate):\n    return f'{{len(samples)}} {{rate}}'\n", encoding="utf-8")
    assert await transcriber_of(f"{file}:words")(SAMPLES, 8000) == "800 8000"


async def test_a_function_that_gives_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "hears_nothing.py"
    file.write_text("def words(samples, rate):\n    return None\n", encoding="utf-8")
    with pytest.raises(TranscriptionError, match="gave NoneType, not a text"):
        await transcriber_of(f"{file}:words")(SAMPLES, 8000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no-such-command --x", "there is no command 'no-such-command'"),
        ("", "there is no command"),
        ("'open", "is no command"),
    ],
)
def test_what_is_no_transcriber_is_told(text: str, said: str) -> None:
    with pytest.raises(TranscriberError, match=said):
        transcriber_of(text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        ("x = 1", "has no function or class answer"),
        ("answer = 1", "has no function or class answer"),
        ("\n\ndef (", "line 3: SyntaxError"),
        ("\nraise KeyError('x')", "line 2: KeyError"),
        ("import no_such_module", "line 1: ModuleNotFoundError"),
    ],
)
def test_python_that_does_not_load_is_told_with_its_line(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "mine.py"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(LoadError, match=said):
        loaded(f"{file}:answer")


def test_a_module_may_be_named_too() -> None:
    found: Any = loaded("json:dumps")
    assert found({}) == "{}"
    assert names_python("a.b:c") and names_python("./a b.py:c")
    assert not names_python("whisper -f {}") and not names_python("script.yaml")
