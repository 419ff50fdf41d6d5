"""An interpreter between two people in a conference: two agents, each hears one of them and is heard by the other."""

import asyncio

from mod_openai_realtime.agent import Agent, Call, CallError


class Interpreter(Agent):
    """Parameters: `room` is the conference, `hears` and `tells` are the channels (uuids) of the two, `into` is the
    language of who is told."""

    barge_in = "off"  # who speaks on while they are interpreted does not stop the interpreter
    silence_s = None

    async def instructions(self, call: Call) -> str:
        into = call.parameters["into"]
        return f"You are an interpreter. Say in {into} all that you hear, in the first person, and nothing of your own."

    async def on_start(self, call: Call) -> None:
        own = await call.variable("other_loopback_leg_uuid") or ""
        uuids = (own, call.parameters["hears"], call.parameters["tells"])
        me, hears, tells = [await self.member(call, uuid) for uuid in uuids]
        await self.deafen(call, hears, me, tells)
        await self.deafen(call, me, tells)
        listed = await call.api("conference", f"{call.parameters['room']} list")
        # Beside these there is the interpreter of the other direction; who comes last sees the other one.
        for other in {line.partition(";")[0] for line in listed.splitlines()} - {me, hears, tells}:
            await self.deafen(call, other, me)
            await self.deafen(call, me, other)

    async def deafen(self, call: Call, member: str, *towards: str) -> None:
        await call.api("conference", f"{call.parameters['room']} relate {member} {','.join(towards)} nohear")

    async def member(self, call: Call, uuid: str) -> str:
        """The number of a channel in the conference, once it is there; 10 s at most."""
        for _ in range(100):
            number = await call.api("uuid_getvar", f"{uuid} conference_member_id")
            if number.isdigit():
                return number
            await asyncio.sleep(0.1)
        raise CallError(f"channel {uuid} is not in the conference")
