"""One page's call, from the WebSocket's opening to its end. The WebSocket is the telephone: who closes it hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import orjson
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from ..standin import CallGoneError, ChannelState, Event, LogLevel, LogLine
from .asked import Audio, HangUp, Keys, PageError, Reader
from .house import House
from .line import Line
from .view import Message, View

LOOK_S = 0.01
"""Between two looks at what the channel has sent: half a frame."""
REASON_S = 3.0
"""So long after its end it may take until it is told why."""
END_S = 15.0
POLICY_VIOLATION = 1008
_OF_STREAM = "openai_audio_stream default: "
_ENDS = {
    "hang_up": "The agent hung up.",
    "caller": "You hung up.",
    "stopped": "The agent was stopped.",
    "handed_over": "The agent handed the call over.",
}


class PageCall:
    """Runs once. It listens to its call."""

    def __init__(self, house: House, page: ServerConnection, page_rate: int) -> None:
        """`page_rate`: Hz, of the browser's audio."""
        self._house = house
        self._page = page
        self._page_rate = page_rate
        self._call = house.call(self)
        self._view = View()
        self._reader = Reader()
        self._news: list[Message] = []
        self._summed_up = False

    async def run(self) -> None:
        """Returns when the call is over. Raises ValueError for a rate that no browser has."""
        hearing: asyncio.Task[None] | None = None
        try:
            line = await asyncio.to_thread(Line, self._call.call, self._page_rate)
            self._house.begin(self._call)
            hearing = asyncio.create_task(self._hear(line))
            with contextlib.suppress(ConnectionClosed):
                await self._speak(line, hearing)
        finally:
            if hearing is not None:
                hearing.cancel()
            await self._call.finish(END_S)
            self._house.tell()
            self._house.forget(self._call)

    # -- what the switch tells

    def happened(self, event: Event) -> None:
        name = event.subclass.rpartition("::")[2]
        self._summed_up = self._summed_up or name == "summary"
        self._news += self._view.event(name, event.body, event.time_ns)

    def logged(self, line: LogLine) -> None:
        self._call.logged(line)
        if line.level <= LogLevel.WARNING and self._call.call.state is not ChannelState.HANGUP:
            self._news += self._view.warned(line.text.removeprefix(_OF_STREAM))

    @property
    def _told_all(self) -> bool:
        """Of its end; what failed may have had no stream that could be summed up."""
        return self._call.reason == "failed" or (self._call.reason is not None and self._summed_up)

    # -- both directions

    async def _hear(self, line: Line) -> None:
        """Returns where the page hangs up, or is not one."""
        try:
            async for message in self._page:
                asked = self._reader.read(message, time.monotonic_ns())
                match asked:
                    case Audio(pcm):
                        line.hear(pcm)
                    case Keys(digits):
                        self._call.call.dial(digits)
                    case HangUp():
                        return
        except PageError as error:
            await self._page.close(POLICY_VIOLATION, str(error))
        except (CallGoneError, ConnectionClosed):
            return

    async def _speak(self, line: Line, hearing: asyncio.Task[None]) -> None:
        await self._send({"type": "state", "state": "calling"})
        while not hearing.done() and not self._call.over:
            await asyncio.sleep(LOOK_S)
            await self._tell(line)
        if hearing.done():
            hearing.result()  # raises what it was not prepared for
        transferred_to = self._call.transferred_to
        why = self._call.variable("openai_agent_reason")
        await self._call.hang_up()
        deadline = time.monotonic() + REASON_S
        while not self._told_all and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_S)
            await self._tell(line)
        await self._tell(line)
        await self._send({"type": "ended", **_end(self._call.reason, why, transferred_to)})

    async def _tell(self, line: Line) -> None:
        self._house.tell()
        self._call.look()
        news, self._news = self._news, []
        for message in news:
            await self._send(message)
        pcm = line.take()
        if pcm:
            await self._page.send(pcm)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._page.send(orjson.dumps(message).decode())


def _end(reason: str | None, why: str | None, transferred_to: str | None) -> dict[str, str]:
    """What the page says of it."""
    if reason == "transferred":
        to = f" to {transferred_to}" if transferred_to else ""
        text = f"The agent transferred you{to}: on a FreeSWITCH you would be there now."
    elif reason == "failed":
        text = f"The call failed: {why or 'nobody says why'}."
        if why and "401" in why:
            text += " Is the key right? It is in OPENAI_API_KEY, unless the agent says otherwise; --local needs none."
    else:
        text = _ENDS.get(reason or "", "The call is over.")
    return {"reason": reason or "", "text": text}
