"""Which encoding a setting means on a channel."""

import pytest

from mod_openai_realtime.audio.audio_format import AudioFormat, Encoding, choose, make_format


@pytest.mark.parametrize(
    ("setting", "codec", "rate", "meant"),
    [
        ("pcm", "PCMU", 8000, Encoding.PCM),
        ("pcmu", "opus", 48000, Encoding.PCMU),
        ("pcma", "PCMU", 8000, Encoding.PCMA),
        ("auto", "PCMU", 8000, Encoding.PCMU),
        ("auto", "PCMA", 8000, Encoding.PCMA),
        ("auto", "pcma", 8000, Encoding.PCMA),
        ("auto", "L16", 8000, Encoding.PCMU),
        ("auto", "", 8000, Encoding.PCMU),
        ("auto", "G722", 16000, Encoding.PCM),
        ("auto", "opus", 48000, Encoding.PCM),
        ("auto", "", 16000, Encoding.PCM),
    ],
)
def test_auto_is_the_channels_own_g711_or_else_a_matter_of_its_rate(
    setting: str, codec: str, rate: int, meant: Encoding
) -> None:
    assert choose(setting, codec, rate) is meant


def test_g711_has_one_rate_and_pcm_the_one_given() -> None:
    assert make_format(Encoding.PCM, 24000) == AudioFormat(Encoding.PCM, 24000)
    assert make_format(Encoding.PCMU, 24000) == AudioFormat(Encoding.PCMU, 8000)
    assert [make_format(encoding, 16000).law for encoding in Encoding] == [None, "pcmu", "pcma"]
