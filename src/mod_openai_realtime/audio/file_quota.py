"""How much of the disk audio files may take: a server decides how much it sends, and files stay until a stream ends."""

from __future__ import annotations

# An hour and a half of an agent's speech at 24 kHz. It speaks half of the time at most.
MAX_STREAM_BYTES = 256 * 2**20
# Of all streams of an engine: each worker has its share.
MAX_BYTES = 4 * 2**30
# What a file takes at least, however short it is.
BLOCK_BYTES = 4096


def cost(file_bytes: int) -> int:
    """What a file of that size takes of a quota."""
    return max(file_bytes, BLOCK_BYTES)


class FileQuota:
    """What the streams of one worker have together."""

    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self.most_bytes = most_bytes
        self.taken_bytes = 0

    def has_room(self, more_bytes: int) -> bool:
        return self.taken_bytes + more_bytes <= self.most_bytes
