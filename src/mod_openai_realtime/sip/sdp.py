"""What is said of the media: one codec, and keys (RFC 4566, RFC 4733)."""

from __future__ import annotations

import re

from .media_format import MediaFormat
from .rtp import TELEPHONE_EVENT

_ANSWERS = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


def offer(media_format: MediaFormat, port: int, version: int, direction: str = "sendrecv") -> str:
    kinds = f"{media_format.payload_type} {TELEPHONE_EVENT}"
    lines = [
        "v=0",
        f"o=caller 1 {version} IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        f"m=audio {port} RTP/AVP {kinds}",
        f"a=rtpmap:{media_format.rtpmap}",
        f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000",
        f"a=fmtp:{TELEPHONE_EVENT} 0-15",
        f"a=ptime:{media_format.ptime_ms}",
        f"a={direction}",
    ]
    return "\r\n".join([*lines, ""])


def media_port(sdp: str) -> int | None:
    """None: no audio."""
    found = re.search(r"^m=audio (\d+)", sdp, re.MULTILINE)
    return int(found[1]) if found and int(found[1]) else None


def answered_direction(sdp: str) -> str:
    """What the other side says to this offer: who is put on hold listens."""
    found = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", sdp, re.MULTILINE)
    return _ANSWERS.get(found[1], "sendrecv") if found else "sendrecv"
