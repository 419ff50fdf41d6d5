"""The configuration of the FreeSWITCH under test: the one that users' tests have, with extensions for every case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mod_openai_realtime.freeswitch.configuration import Configuration


@dataclass(frozen=True)
class SwitchConfiguration(Configuration):
    sections: ClassVar[str] = Path(__file__).with_name("dialplan.xml").read_text()
