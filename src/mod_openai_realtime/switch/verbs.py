"""The API commands of the switch: the module offers those of this table, with their verbs and their usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .agent_verbs import AGENT_VERBS
from .stream_verbs import STREAM_VERBS
from .verb import VerbTable


@dataclass(frozen=True, slots=True)
class Api:
    """`word` names it on the link, in the field `api` of a COMMAND."""

    word: str
    name: str
    table: VerbTable[Any]

    @property
    def verbs(self) -> tuple[str, ...]:
        """For completion on the console."""
        return self.table.names

    @property
    def usage(self) -> str:
        """One line."""
        return self.table.usage(self.name)


APIS = (
    Api("openai", "uuid_openai_audio_stream", STREAM_VERBS),
    Api("raw", "uuid_raw_audio_stream", STREAM_VERBS),
    Api("agent", "uuid_openai_agent", AGENT_VERBS),
)
TABLES = {api.word: api.table for api in APIS}
