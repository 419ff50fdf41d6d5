"""Where the compiled parts lie: the FreeSWITCH module and the stand-in switch."""

from pathlib import Path

MODULE_PATH = Path(__file__).with_name("mod_openai_audio_stream.so")
STANDIN_PATH = Path(__file__).with_name("libstandin.so")
