"""Pilots every stream of a FreeSWITCH over the Event Socket: instructions, a greeting, and function calls."""

import argparse
import asyncio
import base64
import json
from typing import Any

from genesis import ESLEvent, Inbound

PREFIX = "mod_openai_audio_stream::"
SUBCLASSES = ("connect", "json", "error", "disconnect", "openai_speech_start", "openai_speech_stop", "turn")
SESSION = {
    "type": "realtime",
    "instructions": "You answer the phone of a bakery. Be brief. Say goodbye before you call hang_up.",
    "tools": [
        {
            "type": "function",
            "name": "opening_hours",
            "description": "When the bakery is open on a day of the week.",
            "parameters": {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]},
        },
        {
            "type": "function",
            "name": "hang_up",
            "description": "End the call.",
            "parameters": {"type": "object", "properties": {}},
        },
    ],
}


class Stream:
    """One stream of one channel. Its commands name it, so that a channel may have others."""

    def __init__(self, switch: Inbound, uuid: str, name: str) -> None:
        self._switch = switch
        self._uuid = uuid
        self._name = name
        self._ending = False  # the model wants to hang up
        self._spoken: set[str] = set()  # responses with speech that the server has finished; it is far ahead of the ear
        self._heard: set[str] = (
            set()
        )  # responses that are over in the caller's ear; a short one before it is in _spoken
        self._sounding = False
        self._digits = ""

    async def command(self, verb: str, argument: str = "") -> None:
        line = " ".join(filter(None, [self._uuid, verb, argument, f"stream={self._name}"]))
        reply = await self._switch.send(f"api uuid_openai_audio_stream {line}")
        print(f"{self._uuid} {verb}: {(reply.body or '').strip()}", flush=True)

    async def send(self, message: dict[str, Any]) -> None:
        await self.command("send_json", base64.b64encode(json.dumps(message).encode()).decode())

    async def on_event(self, subclass: str, body: str) -> None:
        if subclass == "connect":
            # Also after a reconnection: the session is new then, and knows nothing.
            self._spoken.clear()
            if self._ending:
                await self._hang_up_if_heard()
            else:
                await self.send({"type": "session.update", "session": SESSION})
                await self.send({"type": "response.create"})
        elif subclass == "json":
            await self._on_message(json.loads(body))
        elif subclass in ("error", "disconnect"):
            print(f"{self._uuid} {subclass}: {body}", flush=True)
        elif subclass in ("openai_speech_start", "openai_speech_stop"):
            self._sounding = subclass == "openai_speech_start"
            await self._hang_up_if_heard()
        elif subclass == "turn":
            turn = json.loads(body)
            self._heard.add(turn["response_id"])
            if turn["interrupted"]:
                self._ending = False  # the caller has more to say
            await self._hang_up_if_heard()

    async def on_digit(self, digit: str) -> None:
        """The model gets what was keyed in up to `#`, as one message of the caller's."""
        if digit != "#":
            self._digits += digit
            return
        text = f"(The caller has keyed in {self._digits or 'nothing'}.)"
        self._digits = ""
        content = [{"type": "input_text", "text": text}]
        await self.send(
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}
        )
        await self.send({"type": "response.create"})

    async def _on_message(self, message: dict[str, Any]) -> None:
        if message.get("type") == "response.done":
            response = message["response"]
            if response["status"] != "completed":
                return  # interrupted: its function calls are not whole
            if any(each["type"] == "message" for each in response["output"]):
                self._spoken.add(response["id"])
            await self._answer_calls([each for each in response["output"] if each["type"] == "function_call"])
        elif message.get("type") == "error":
            print(f"{self._uuid} server: {message['error'].get('message')}", flush=True)

    async def _answer_calls(self, calls: list[dict[str, Any]]) -> None:
        """All outputs first, then one response; none after a goodbye."""
        for call in calls:
            output = json.dumps(self._run(call["name"], json.loads(call["arguments"] or "{}")))
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
            await self.send({"type": "conversation.item.create", "item": item})
        if self._ending:
            await self._hang_up_if_heard()
        elif calls:
            await self.send({"type": "response.create"})

    def _run(self, name: str, arguments: dict[str, Any]) -> object:
        print(f"{self._uuid} {name}({arguments})", flush=True)
        if name == "hang_up":
            self._ending = True
            return {"ok": True}
        return {"day": arguments.get("day"), "opens": "07:00", "closes": "18:00"}

    async def _hang_up_if_heard(self) -> None:
        if self._ending and not self._sounding and self._spoken <= self._heard:
            self._ending = False
            await self._switch.send(f"api uuid_kill {self._uuid}")


async def pilot(host: str, port: int, password: str) -> None:
    """Serve until the Event Socket is closed."""
    events: asyncio.Queue[ESLEvent] = asyncio.Queue()
    subclasses = [PREFIX + name for name in SUBCLASSES]
    streams: dict[tuple[str, str], Stream] = {}

    async def keep(event: ESLEvent) -> None:
        # genesis runs each handler as a task of its own: without an await in it the order of the events is kept.
        events.put_nowait(event)

    async with Inbound(host, port, password) as switch:
        for name in [*subclasses, "CHANNEL_DESTROY", "DTMF"]:
            switch.on(name, keep)
        await switch.send(f"event plain CHANNEL_DESTROY DTMF CUSTOM {' '.join(subclasses)}")
        print("ready", flush=True)
        while switch.is_connected:
            try:
                event = await asyncio.wait_for(events.get(), 1)
            except TimeoutError:
                continue
            uuid = event["Unique-ID"]
            if event["Event-Name"] == "CHANNEL_DESTROY":
                streams = {key: stream for key, stream in streams.items() if key[0] != uuid}
                continue
            if event["Event-Name"] == "DTMF":
                for key, stream in streams.items():
                    if key[0] == uuid:
                        await stream.on_digit(event["DTMF-Digit"])
                continue
            key = uuid, event["Stream-Name"]
            stream = streams.setdefault(key, Stream(switch, *key))
            await stream.on_event(event["Event-Subclass"].removeprefix(PREFIX), event.body or "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8021)
    parser.add_argument("--password", default="ClueCon")
    given = parser.parse_args()
    asyncio.run(pilot(given.host, given.port, given.password))
