"""The endpoints that are known by name. Where each fact comes from is in docs/reference/dialects.md."""

from __future__ import annotations

from dataclasses import replace

from .dialect import CREATE_ITEM, DELETE_ITEM, Dialect, Formats, Gate, Shape

TRUNCATE, CANCEL = "conversation.item.truncate", "response.cancel"

OPENAI = Dialect("openai", session_limit_s=3600, longest_id=32)
"""Also for every server of which nothing else is known."""

_FLAT_G711 = Formats(pcm="pcm16", pcmu="g711_ulaw", pcma="g711_alaw", unstated_rate=24000)

OPENAI_BETA = Dialect(
    "openai-beta",
    shape=Shape.FLAT,
    session_type="",
    input=_FLAT_G711,
    output=_FLAT_G711,
    agent_text="text",
    longest_id=32,
    session_limit_s=1800,
)
AZURE = replace(OPENAI, name="azure")

VOICE_LIVE = Dialect(
    "voice-live",
    vendor="voice-live",
    shape=Shape.FLAT,
    session_type="",
    input=Formats("pcm16", "", "", rates=(16000, 24000), unstated_rate=24000),
    output=Formats(
        "pcm16",
        "",
        "",
        rates=(8000, 16000, 24000),
        rate_names={8000: "pcm16_8000hz", 16000: "pcm16_16000hz", 24000: "pcm16"},
        unstated_rate=24000,
    ),
    gate=Gate.UPDATED,
    detection="azure_semantic_vad",
    agent_text="text",
)

XAI = Dialect(
    "xai",
    vendor="xai",
    shape=Shape.HALF,
    session_type="",
    greetings=("session.created", "conversation.created"),
    input=Formats(rates=(8000, 16000, 24000, 32000, 48000), unstated_rate=24000),
    # It was seen to send this whatever it was asked for, so nothing else is.
    output=Formats(pcmu="", pcma="", rates=(24000,), unstated_rate=24000),
    gate=Gate.UPDATED,
    session_limit_s=3600,
)

QWEN = Dialect(
    "qwen",
    vendor="qwen",
    shape=Shape.FLAT,
    session_type="",
    # Its older models want other names than the newer ones, and there is no choice.
    session={"modalities": ["text", "audio"]},
    input=Formats("", "", "", unstated_rate=16000),
    output=Formats("", "", "", unstated_rate=24000),
    gate=Gate.UPDATED,
    unknown=frozenset({TRUNCATE, CREATE_ITEM, DELETE_ITEM}),
    agent_text="text",
    session_limit_s=1800,
)

VLLM = Dialect(
    "vllm",
    vendor="vllm",
    greets=False,
    keep_alive="session.heartbeat",
    keep_alive_answer="session.heartbeat_ack",
    playback_ack="playback.ack",
    input=Formats("", "", "", unstated_rate=16000),
    output=Formats("", "", "", unstated_rate=24000),
    gate=Gate.CONFIGURED,
    gate_wait_ms=None,
    speech_interrupts=False,
    leaves_answers=False,
    cut_reasons=frozenset({"client_cancelled", "barge_in"}),
    items=frozenset({"user"}),
)

HUGGINGFACE = Dialect(
    "huggingface",
    vendor="huggingface",
    # 16 kHz is what it has where nothing is said, and can't be asked for. G.711 it agrees to, and takes for pcm.
    input=Formats(pcmu="", pcma="", rates=(16000, 24000), unstated_rate=16000),
    output=Formats(pcmu="", pcma="", rates=(16000, 24000), unstated_rate=16000),
    unknown=frozenset({DELETE_ITEM}),
)

LOCALAI = Dialect(
    "localai",
    vendor="localai",
    input=Formats("", "", "", unstated_rate=24000),
    output=Formats("", "", "", unstated_rate=24000),
)

SPEACHES = Dialect(
    "speaches",
    vendor="speaches",
    shape=Shape.FLAT,
    session_type="",
    input=Formats("", "", "", unstated_rate=24000),
    output=Formats("", "", "", unstated_rate=24000),
    unknown=frozenset({TRUNCATE, CANCEL}),
    agent_text="text",
    session_limit_s=1800,
)

INWORLD = Dialect(
    "inworld",
    vendor="inworld",
    input=Formats(rates=(8000, 16000, 24000, 32000, 48000), unstated_rate=24000),
    output=Formats(rates=(8000, 16000, 24000, 32000, 48000), unstated_rate=24000),
    gate=Gate.UPDATED,
    unknown=frozenset({TRUNCATE}),
)

TRANSCRIPTION = Dialect(
    "openai-transcription",
    session_type="transcription",
    input=Formats(unstated_rate=24000),
    gate=Gate.CONFIGURED,
    gate_wait_ms=None,
    leaves_answers=False,
    unknown=frozenset({TRUNCATE, CANCEL, CREATE_ITEM, DELETE_ITEM, "response.create"}),
)

TRANSLATION = Dialect(
    "openai-translation",
    append="session.input_audio_buffer.append",
    audio_deltas=("session.output_audio.delta",),
    session_type="",
    input=Formats("", "", "", unstated_rate=24000),
    output=Formats("", "", "", unstated_rate=24000),
    leaves_answers=False,
    unknown=TRANSCRIPTION.unknown | {"input_audio_buffer.commit", "input_audio_buffer.clear"},
)

PROFILES = {
    profile.name: profile
    for profile in (
        OPENAI,
        OPENAI_BETA,
        AZURE,
        VOICE_LIVE,
        XAI,
        QWEN,
        VLLM,
        HUGGINGFACE,
        LOCALAI,
        SPEACHES,
        INWORLD,
        TRANSCRIPTION,
        TRANSLATION,
    )
}
