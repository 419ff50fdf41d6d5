"""The control bits of a stream's memory: enum stream_control of native/ring/layout.h."""

from enum import IntFlag


class Control(IntFlag):
    PAUSED = 1 << 0
    PLAYBACK_MUTED = 1 << 1
    CAPTURE_MUTED = 1 << 2
    EXPECTING = 1 << 3
    CONNECTED = 1 << 4
    SPEAKING = 1 << 5
    ON_HOLD = 1 << 6
    HUSHED = 1 << 7
