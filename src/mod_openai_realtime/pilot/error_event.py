"""What events say of a connection that did not come up, or is gone."""

from __future__ import annotations

import orjson


def disconnect_body(code: int, reason: str) -> bytes:
    """Of a `disconnect` event."""
    return orjson.dumps({"status": "disconnected", "message": {"code": code, "reason": reason}})


def error_body(error: str, *, retries: int = 0, wait_ms: float = 0, http_status: int = 0) -> bytes:
    """Of an `error` event. What has failed is tried again after `wait_ms`, or never where that is 0."""
    message = {"retries": retries, "error": error, "wait_time": round(wait_ms), "http_status": http_status}
    return orjson.dumps({"status": "error", "message": message})
