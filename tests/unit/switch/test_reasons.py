"""Reasons are an interface: each text here is written out a second time on purpose."""

import re
from pathlib import Path

from mod_openai_realtime.switch import module_reasons, reasons

MODULE = Path(__file__).parents[3] / "native" / "mod_openai_audio_stream"

CONTRACT = """
Expected a channel UUID and command · Too many command arguments · Unknown command · Channel not found · Stream not found ·
Stream already exists · Specify only one stream selector ·
Invalid stream name; expected 1-64 lowercase letters, digits, '_' or '-' · Specify only one audio direction: send, recv or both ·
Start requires a WebSocket URI and mix type (mono, mixed or stereo) · Start requires a WebSocket URI · Invalid mix type; expected mono, mixed or stereo ·
Invalid WebSocket URI; expected ws:// or wss:// with a valid host and port · Invalid send sample rate; expected a multiple of 8000 from 8000 to 48000 ·
Invalid playback sample rate; expected a multiple of 8000 from 8000 to 48000 · Unexpected start argument; check rates, direction and mute_user ·
Pause and resume accept no arguments · Stop accepts at most one Base64 JSON payload · send_json requires exactly one Base64 JSON payload ·
Mute and unmute accept at most one target · Invalid mute target; expected user, openai or all · Send audio is disabled for this stream ·
Receive audio is disabled for this stream · Payload is not a complete JSON value · Payload is not valid Base64 · Payload is not valid UTF-8 ·
Payload contains a NUL byte · WebSocket is not connected · User audio muted; WebSocket is not connected ·
List accepts only an optional stream selector · Engine is not running · Engine did not answer · Payload is larger than 8 MiB · Payload has more than 50,000 values ·
Engine is at capacity · Workers of the engine have died of this channel · Too much is waiting to be sent · Internal error of the engine · Break accepts no arguments ·
Start requires the name of an agent · Invalid parameter of an agent; expected name=value ·
Stop accepts only an optional stream selector · List accepts no arguments
"""  # noqa: E501


def test_the_reasons_are_those_of_the_contract_word_for_word() -> None:
    written = {text for name, text in vars(reasons).items() if name.isupper() and not text.startswith("+OK")}
    written |= {
        module_reasons.ENGINE_NOT_RUNNING,
        module_reasons.ENGINE_DID_NOT_ANSWER,
        module_reasons.CHANNEL_NOT_FOUND,
    }

    assert written == {reason.strip() for reason in CONTRACT.split("·")}


def test_the_module_says_each_of_its_reasons_by_its_name_and_no_other() -> None:
    sources = {path.name: path.read_text() for path in MODULE.glob("*.[ch]") if path.name != "reasons.h"}
    names = {name for source in sources.values() for name in re.findall(r"\bREASON_(\w+)", source)}
    texts = "|".join(
        re.escape(text) for text in (*vars(reasons).values(), *vars(module_reasons).values()) if isinstance(text, str)
    )

    assert names == {name for name in vars(module_reasons) if name.isupper()}
    assert [name for name, source in sources.items() if re.search(rf'"(-ERR )?({texts})"', source)] == []


def test_reasons_with_a_part_that_varies() -> None:
    assert reasons.unknown_agent("clinic") == "Unknown agent 'clinic'"
    assert reasons.playback_owned("ivr") == "Playback is already enabled by stream 'ivr'"
    assert (
        reasons.final_message_failed(reasons.PAYLOAD_NOT_JSON)
        == "Stream stopped; final message failed: Payload is not a complete JSON value"
    )


def test_a_reply_names_the_stream_only_where_the_command_did() -> None:
    assert reasons.error_reply(reasons.STREAM_NOT_FOUND) == "-ERR Stream not found"
    assert reasons.error_reply(reasons.STREAM_NOT_FOUND, "a") == "-ERR Stream not found [stream=a]"
