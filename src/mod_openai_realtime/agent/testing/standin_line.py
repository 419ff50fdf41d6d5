"""Calls through the compiled module in the switch that stands in for FreeSWITCH."""

from __future__ import annotations

from pathlib import Path

from ...standin import AgentCall, StandIn
from ...standin.agent_call import arriving
from .line import RATE, Dialling, Line, News


class StandInSwitch:
    """Once in a process, as StandIn."""

    def __init__(self, engine_socket: Path, folder: Path) -> None:
        self.switch = StandIn(engine_socket=engine_socket, temp_dir=folder, recordings_dir=folder)
        self.switch.run()

    def line(self, dialling: Dialling) -> Line:
        return _StandInLine(self.switch, dialling)

    def close(self) -> None:
        self.switch.close()


class _StandInLine:
    def __init__(self, switch: StandIn, dialling: Dialling) -> None:
        variables = {**arriving(dialling.number, dialling.dialled), **dialling.variables}
        self._switch = switch
        self._call = AgentCall(switch, switch.call(RATE, variables=variables))

    @property
    def uuid(self) -> str:
        return self._call.call.uuid

    async def begin(self, data: str) -> None:
        self._call.begin(data)

    def says(self, pcm: bytes) -> None:
        self._call.call.feed(pcm)

    async def keys(self, digits: str) -> None:
        if digits.strip("0123456789*#ABCDabcd"):
            raise ValueError(f"{digits!r} are no keys of a telephone")
        self._call.call.dial(digits)

    async def hang_up(self) -> None:
        await self._call.hang_up()

    def news(self) -> list[News]:
        self._call.look()
        for line in self._switch.log():
            self._call.logged(line)
        return [
            News(event.subclass.rpartition("::")[2], event.body)
            for event in self._switch.events()
            if event.uuid == self.uuid
        ]

    @property
    def over(self) -> bool:
        return self._call.over

    @property
    def state(self) -> str | None:
        return self._call.state

    def variable(self, name: str) -> str | None:
        return self._call.variable(name)

    @property
    def transferred_to(self) -> str | None:
        return self._call.transferred_to

    async def finish(self, timeout_s: float) -> None:
        await self._call.finish(timeout_s)
