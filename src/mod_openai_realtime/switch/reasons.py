"""The reasons that follow `-ERR` on the engine's word (the others: module_reasons.py). Scripts match on these texts, so
a change of one is a change of the interface."""

from typing import Final

# The command line itself.
EXPECTED_COMMAND: Final = "Expected a channel UUID and command"
TOO_MANY_ARGUMENTS: Final = "Too many command arguments"
UNKNOWN_COMMAND: Final = "Unknown command"
ONE_SELECTOR: Final = "Specify only one stream selector"
INVALID_STREAM_NAME: Final = "Invalid stream name; expected 1-64 lowercase letters, digits, '_' or '-'"

# Arguments of `start`.
START_NEEDS_URI_AND_MIX: Final = "Start requires a WebSocket URI and mix type (mono, mixed or stereo)"
START_NEEDS_URI: Final = "Start requires a WebSocket URI"
ONE_DIRECTION: Final = "Specify only one audio direction: send, recv or both"
INVALID_MIX: Final = "Invalid mix type; expected mono, mixed or stereo"
INVALID_URI: Final = "Invalid WebSocket URI; expected ws:// or wss:// with a valid host and port"
INVALID_SEND_RATE: Final = "Invalid send sample rate; expected a multiple of 8000 from 8000 to 48000"
INVALID_PLAYBACK_RATE: Final = "Invalid playback sample rate; expected a multiple of 8000 from 8000 to 48000"
UNEXPECTED_START_ARGUMENT: Final = "Unexpected start argument; check rates, direction and mute_user"

# Arguments of the other verbs.
PAUSE_TAKES_NO_ARGUMENTS: Final = "Pause and resume accept no arguments"
BREAK_TAKES_NO_ARGUMENTS: Final = "Break accepts no arguments"
STOP_TAKES_ONE_PAYLOAD: Final = "Stop accepts at most one Base64 JSON payload"
SEND_JSON_NEEDS_ONE_PAYLOAD: Final = "send_json requires exactly one Base64 JSON payload"
MUTE_TAKES_ONE_TARGET: Final = "Mute and unmute accept at most one target"
INVALID_MUTE_TARGET: Final = "Invalid mute target; expected user, openai or all"
LIST_TAKES_ONLY_SELECTOR: Final = "List accepts only an optional stream selector"

# Arguments of `uuid_openai_agent`.
AGENT_START_NEEDS_NAME: Final = "Start requires the name of an agent"
AGENT_PARAMETER_INVALID: Final = "Invalid parameter of an agent; expected name=value"
AGENT_STOP_TAKES_ONLY_SELECTOR: Final = "Stop accepts only an optional stream selector"
AGENT_LIST_TAKES_NOTHING: Final = "List accepts no arguments"

# Payloads of `send_json` and `stop`.
PAYLOAD_NOT_BASE64: Final = "Payload is not valid Base64"
PAYLOAD_NOT_UTF8: Final = "Payload is not valid UTF-8"
PAYLOAD_HAS_NUL: Final = "Payload contains a NUL byte"
PAYLOAD_NOT_JSON: Final = "Payload is not a complete JSON value"
PAYLOAD_TOO_LARGE: Final = "Payload is larger than 8 MiB"
PAYLOAD_HAS_TOO_MANY: Final = "Payload has more than 50,000 values"

# What a well-formed command can meet.
STREAM_NOT_FOUND: Final = "Stream not found"
STREAM_EXISTS: Final = "Stream already exists"
SEND_DISABLED: Final = "Send audio is disabled for this stream"
RECEIVE_DISABLED: Final = "Receive audio is disabled for this stream"
NOT_CONNECTED: Final = "WebSocket is not connected"
TOO_MUCH_UNSENT: Final = "Too much is waiting to be sent"
MUTED_NOT_CONNECTED: Final = "User audio muted; WebSocket is not connected"

INTERNAL_ERROR: Final = "Internal error of the engine"
AT_CAPACITY: Final = "Engine is at capacity"
DEADLY: Final = "Workers of the engine have died of this channel"

SUCCESS: Final = "+OK Success"


def unknown_agent(name: str) -> str:
    """Reason for refusing a start: the engine has no agent of that name."""
    return f"Unknown agent '{name}'"


def playback_owned(owner: str) -> str:
    """Reason for refusing a second stream that plays; `owner` is the name of the first."""
    return f"Playback is already enabled by stream '{owner}'"


def final_message_failed(reason: str) -> str:
    """Reason of a `stop` that stopped the stream, but could not send its final JSON."""
    return f"Stream stopped; final message failed: {reason}"


def error_reply(reason: str, selector: str | None = None) -> str:
    """The whole reply for `reason`; `selector` is the stream name that the command gave, None where it gave none."""
    suffix = "" if selector is None else f" [stream={selector}]"
    return f"-ERR {reason}{suffix}"
