"""What the items of a conversation may contain, as a client may create them."""

from typing import Any

from .base64_audio import decoded
from .schema import Check, anything, array, choice, fields, flag, integer, short_text, tagged, text, wrong_value

ID = short_text(32)
_STATUS = choice("completed", "incomplete", "in_progress")
_IMAGE = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/jpg;base64,")


def _audio(value: Any, path: str) -> Any:
    decoded(text(value, path), path)
    return value


def _image_url(value: Any, path: str) -> Any:
    if not text(value, path).startswith(_IMAGE):
        raise wrong_value(f"Invalid '{path}'. Expected a base64-encoded data URI of a PNG or JPEG image.", path)
    return value


def _one_of_audio_and_transcript(part: dict[str, Any], path: str) -> None:
    if "audio" not in part and "transcript" not in part:
        raise wrong_value(f"'{path}' must have 'audio' or 'transcript'.", path)


def _message(role: str, *contents: tuple[str, Check]) -> Check:
    return fields(
        {
            "type": anything,
            "role": choice(role),
            "content": array(tagged(dict(contents)), at_least=1),
            "id": ID,
            "object": choice("realtime.item"),
            "status": _STATUS,
        },
        ["content"],
    )


def _other(required: list[str], **checks: Check) -> Check:
    return fields(
        {"type": anything, "id": ID, "object": choice("realtime.item"), "status": _STATUS, **checks}, required
    )


_input_text = ("input_text", fields({"type": anything, "text": text}, ["text"]))
_user = _message(
    "user",
    _input_text,
    ("input_audio", fields({"type": anything, "audio": _audio, "transcript": text}, ["audio"])),
    (
        "input_image",
        fields(
            {"type": anything, "image_url": _image_url, "detail": choice("auto", "low", "high")},
            ["image_url"],
        ),
    ),
)
_assistant = _message(
    "assistant",
    ("output_text", fields({"type": anything, "text": text}, ["text"])),
    (
        "output_audio",
        fields({"type": anything, "transcript": text, "audio": _audio}, [], _one_of_audio_and_transcript),
    ),
)
_listed_tool = fields(
    {"name": text, "input_schema": anything, "annotations": anything, "description": text}, ["name", "input_schema"]
)

_CODE = integer(-(2**31), 2**31 - 1)
_MCP_ERROR = tagged(
    {
        "protocol_error": fields({"type": anything, "code": _CODE, "message": text}, ["code", "message"]),
        "tool_execution_error": fields({"type": anything, "message": text}, ["message"]),
        "http_error": fields({"type": anything, "code": _CODE, "message": text}, ["code", "message"]),
    }
)

ITEM = tagged(
    {
        "message": tagged(
            {"user": _user, "assistant": _assistant, "system": _message("system", _input_text)}, tag="role"
        ),
        "function_call": _other(["name", "arguments"], name=text, arguments=text, call_id=ID),
        "function_call_output": _other(["call_id", "output"], output=text, call_id=ID),
        "mcp_approval_response": _other(
            ["approval_request_id", "approve"], approval_request_id=text, approve=flag, reason=text
        ),
        "mcp_approval_request": _other(
            ["arguments", "name", "server_label"], arguments=text, name=text, server_label=text
        ),
        "mcp_list_tools": _other(["server_label", "tools"], server_label=text, tools=array(_listed_tool)),
        "mcp_call": _other(
            ["arguments", "name", "server_label"],
            arguments=text,
            name=text,
            server_label=text,
            approval_request_id=text,
            output=text,
            error=_MCP_ERROR,
        ),
    }
)
