"""The short way of agent audio, one message at a time: from the text to the playout, without a parser."""

from __future__ import annotations

from mod_openai_realtime._media import Playout, StreamMemory, SwitchSide
from mod_openai_realtime.audio.agent_audio import MAX_CONTENT_INDEX
from mod_openai_realtime.dialect.messages import ServerMessage, decode_strictly

PartName = tuple[str | None, str | None, int]
NAMELESS: PartName = (None, None, 0)


class ShortWay:
    """A playout that takes what is plainly audio of a part, in G.711, of which every byte is a sample."""

    def __init__(self, names: tuple[bytes, ...]) -> None:
        self._names = names
        self._switch = SwitchSide()
        self._playout = Playout(StreamMemory(self._switch.fd), 200, 400)

    def takes(self, payload: bytes, part: PartName = NAMELESS) -> bytes | None:
        """The audio, where it is taken for this part."""
        decoded: list[bytes] = []

        def decode(text: memoryview) -> bytes:
            decoded.append(decode_strictly(text))
            return decoded[-1]

        self._playout.clear()
        self._playout.set_part(decode, self._names, *part, 1 << 40, "pcmu")
        return decoded[-1] if self._playout.feed_message(payload) else None

    def agrees(self, payload: bytes, message: ServerMessage) -> bool:
        """Nothing is taken but what the parser, whose `message` it is, says as well. Returns whether it is taken."""
        named = (message.response_id, message.item_id, message.content_index)
        parts = [NAMELESS, ("r", None, 0), (None, "i", 0), ("r", "i", 0), ("r", "i", 1)]
        if 0 <= named[2] <= MAX_CONTENT_INDEX:
            parts.append(named)
        taken = False
        for part in parts:
            audio = self.takes(payload, part)
            if audio is not None:
                assert (message.kind.name, part, audio) == ("AUDIO_DELTA", named, message.audio)
                taken = True
        return taken
