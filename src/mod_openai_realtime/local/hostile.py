"""Messages that a good server never sends."""

import orjson

GARBAGE = "this is no JSON {["
BINARY = bytes(range(256)) + b"\x00"  # odd, so not even samples


def oversized(size_bytes: int) -> str:
    """A valid event of just this size."""
    empty = orjson.dumps({"type": "response.output_text.delta", "delta": ""}).decode()
    return empty[:-2] + "x" * (size_bytes - len(empty)) + empty[-2:]


def nested(depth: int) -> str:
    """A valid event with arrays in arrays."""
    return '{"type":"session.updated","session":' + "[" * depth + "]" * depth + "}"


def delta(audio: str, response_id: str = "resp_hostile", item_id: str = "item_hostile") -> str:
    """An audio delta of any text, such as malformed base64."""
    return orjson.dumps(
        {
            "type": "response.output_audio.delta",
            "event_id": "event_hostile",
            "response_id": response_id,
            "item_id": item_id,
            "output_index": 0,
            "content_index": 0,
            "delta": audio,
        }
    ).decode()
