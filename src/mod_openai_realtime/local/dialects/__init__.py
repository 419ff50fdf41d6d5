"""Other servers than OpenAI's, as the local endpoint plays them: `--dialect`."""

from __future__ import annotations

from .flat import OpenAiBeta, Qwen, Speaches, VoiceLive
from .mimic import Mimic
from .nested import HuggingFace, Inworld, LocalAi, Xai
from .openai import Azure, Transcription, Translation
from .vllm import Vllm

MIMICS: dict[str, type[Mimic]] = {
    each.name: each
    for each in (
        Mimic,
        OpenAiBeta,
        Azure,
        VoiceLive,
        Xai,
        Qwen,
        Vllm,
        HuggingFace,
        LocalAi,
        Speaches,
        Inworld,
        Transcription,
        Translation,
    )
}
"""By name."""
