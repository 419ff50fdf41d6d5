"""The input audio buffer of a session: what the client has appended and nobody has committed."""

from .errors import RequestError
from .formats import AudioFormat

APPEND_LIMIT_BYTES = 15 * 1024 * 1024
COMMIT_LEAST_MS = 100


class InputAudioBuffer:
    """Audio in the session's input format, with its place in all that the session was ever sent.

    Positions are in ms from the first audio of the session. At most `limit_ms` are held: beyond, the oldest is
    dropped and counted in `dropped_ms`. With `keep` false, audio is only counted.
    """

    def __init__(self, audio_format: AudioFormat, *, keep: bool = True, limit_ms: int = 15 * 60 * 1000) -> None:
        self._format = audio_format
        self._keep = keep
        self._limit_ms = limit_ms
        self._held = bytearray()
        self._held_bytes = 0
        self._end_ms = 0.0
        self._half = b""
        self.dropped_ms = 0.0

    @property
    def end_ms(self) -> float:
        """Position after the newest audio."""
        return self._end_ms

    @property
    def held_ms(self) -> float:
        return self._format.ms(self._held_bytes)

    def append(self, data: bytes) -> bytes:
        """Adds audio, and returns it in whole samples: a half one waits for its other half."""
        data = self._half + data
        whole = len(data) - len(data) % self._format.sample_bytes
        data, self._half = data[:whole], data[whole:]
        self._held_bytes += len(data)
        self._end_ms += self._format.ms(len(data))
        if self._keep:
            self._held += data
        self.dropped_ms += self.trim(self._limit_ms)
        return data

    def count(self, data_bytes: int) -> None:
        """As `append` of so many bytes of whole samples, for a buffer that only counts."""
        self._held_bytes += data_bytes
        self._end_ms += self._format.ms(data_bytes)
        self.dropped_ms += self.trim(self._limit_ms)

    def trim(self, newest_ms: float) -> float:
        """Drops all but the newest audio; returns the ms dropped."""
        excess = self._held_bytes - self._bytes(newest_ms)
        if excess <= 0:
            return 0.0
        self._held_bytes -= excess
        del self._held[:excess]
        return self._format.ms(excess)

    def take(self, start_ms: float | None = None, least_ms: float = COMMIT_LEAST_MS) -> bytes:
        """Empties the buffer, and returns what it held, or only what came after `start_ms`.

        Raises RequestError if there is less than `least_ms` of audio; the buffer stays as it is then.
        """
        if self.held_ms < least_ms:
            raise RequestError(
                "input_audio_buffer_commit_empty",
                f"Error committing input audio buffer: buffer too small. Expected at least {least_ms:.0f}ms of audio, "
                f"but buffer only has {self.held_ms:.2f}ms of audio.",
            )
        if start_ms is not None:
            self.trim(self._end_ms - start_ms)
        taken = bytes(self._held)
        self.clear()
        return taken

    def clear(self) -> None:
        self._held.clear()
        self._held_bytes = 0
        self._half = b""

    def change_format(self, audio_format: AudioFormat) -> None:
        """Audio held in another format can't be joined with the new, so it goes."""
        if audio_format != self._format:
            self.clear()
            self._format = audio_format

    def _bytes(self, ms: float) -> int:
        return max(0, int(ms * self._format.rate / 1000)) * self._format.sample_bytes
