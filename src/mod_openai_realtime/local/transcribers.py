"""Transcribers of the user's own: a command that reads a WAV, or a Python function."""

import asyncio
import contextlib
import inspect
import io
import shlex
import shutil
import tempfile
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .g711 import Samples
from .loading import loaded, names_python
from .transcribing import Transcriber

FILE = "{}"
"""In a command: the path of the WAV. A command without it reads the WAV from its standard input."""
_TIMEOUT_S = 60.0
_SHOWN_LETTERS = 200


class TranscriberError(ValueError):
    """What was named is no transcriber; the text says why."""


class TranscriptionError(Exception):
    """The transcriber failed at this turn."""


def transcriber_of(text: str) -> Transcriber:
    """From `FILE.py:FUNCTION`, `package.module:FUNCTION`, or a command. Raises TranscriberError, LoadError."""
    if names_python(text):
        return of_function(loaded(text))
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise TranscriberError(f"{text!r} is no command: {error}") from None
    if not command or shutil.which(command[0]) is None:
        raise TranscriberError(f"there is no command {command[0] if command else text!r}")
    return of_command(command)


def of_function(function: Callable[[Samples, int], str | Awaitable[str]]) -> Transcriber:
    """Of (samples, rate) to a text; one that is not async runs in a thread."""

    async def transcribe(samples: Samples, rate: int) -> str:
        if inspect.iscoroutinefunction(function):
            given: Any = await function(samples, rate)
        else:
            given = await asyncio.to_thread(function, samples, rate)
            given = await given if inspect.isawaitable(given) else given
        if not isinstance(given, str):
            raise TranscriptionError(f"the transcriber gave {type(given).__name__}, not a text")
        return given

    return transcribe


def of_command(command: list[str], timeout_s: float = _TIMEOUT_S) -> Transcriber:
    """What it writes to its standard output is the text, whatever white space is around."""

    async def transcribe(samples: Samples, rate: int) -> str:
        sound = wav(samples, rate)
        with contextlib.ExitStack() as stack:
            arguments = command
            if any(FILE in each for each in command):
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="turn-"))
                file = Path(folder) / "turn.wav"
                await asyncio.to_thread(file.write_bytes, sound)
                arguments, sound = [each.replace(FILE, str(file)) for each in command], b""
            return await _output(arguments, sound, timeout_s)

    return transcribe


async def _output(arguments: list[str], given: bytes, timeout_s: float) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(timeout_s):
            output, errors = await process.communicate(given)
    except TimeoutError:
        raise TranscriptionError(f"{arguments[0]} has not answered within {timeout_s:.0f} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        said = errors.decode("utf-8", "replace").strip()[-_SHOWN_LETTERS:]
        raise TranscriptionError(f"{arguments[0]} ended with {process.returncode}: {said}")
    return output.decode("utf-8", "replace").strip()


def wav(samples: Samples, rate: int) -> bytes:
    """A WAV of pcm16, mono."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2", copy=False).tobytes())
    return written.getvalue()
