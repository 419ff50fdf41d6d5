"""Calls over SIP, with RTP both ways, to a FreeSWITCH of the tests' own."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...freeswitch import SwitchDiedError, SwitchProcess
from ...freeswitch.configuration import MODULES, Configuration
from ...native import MODULE_PATH
from ...setup.freeswitch import FreeSwitch, NoFreeSwitchError, find
from ...sip.call import SipCall
from ...sip.rtp import MediaRoom
from ...standin.agent_call import listed_state
from ...switch.events import PREFIX
from .line import Dialling, Line, News

USERS = range(1000, 1100)
DOMAIN = "127.0.0.1"
ANSWER_S = 20.0
LOOK_S = 0.02
_AGENT = "openai_realtime_test_agent"
_NEWS = ("openai_speech_start", "openai_speech_stop", "turn")
_EVENTS = f"CHANNEL_PARK CHANNEL_EXECUTE_COMPLETE CHANNEL_DESTROY CUSTOM {' '.join(PREFIX + each for each in _NEWS)}"


class UnfitFreeSwitchError(Exception):
    """There is no FreeSWITCH to test with; the text says what is missing."""


def fit_freeswitch() -> FreeSwitch:
    """The one that tests run on. Raises UnfitFreeSwitchError."""
    try:
        found = find()
    except NoFreeSwitchError as error:
        raise UnfitFreeSwitchError(str(error)) from None
    if found.binary is None or found.module_dir is None:
        raise UnfitFreeSwitchError(f"there is no bin/freeswitch, or no folder with modules, in {found.prefix}")
    missing = [name for name in MODULES if not (found.module_dir / f"{name}.so").exists()]
    if missing:
        raise UnfitFreeSwitchError(f"FreeSWITCH's modules {', '.join(missing)} are not in {found.module_dir}")
    if not MODULE_PATH.exists():
        raise UnfitFreeSwitchError("the module has not been built: reinstall the package where a C compiler is found")
    return found


@dataclass(frozen=True)
class _Configuration(Configuration):
    context: str = "arriving"
    sections: ClassVar[str] = (
        Path(__file__)
        .with_name("dialplan.xml")
        .read_text()
        .replace("$users", "\n".join(f'            <user id="{number}"/>' for number in USERS))
    )


class FreeSwitchOfTests:
    """Started once in a process, and ended with it: it takes some seconds. Its folder is its own."""

    def __init__(self) -> None:
        """Raises UnfitFreeSwitchError or SwitchDiedError."""
        found = fit_freeswitch()
        assert found.binary is not None and found.module_dir is not None
        self._folder = tempfile.TemporaryDirectory(prefix="phone-fs-")
        folder = Path(self._folder.name)
        self.engine_socket = folder / "engine.sock"
        """Where it looks for an engine."""
        configuration = _Configuration(folder, self.engine_socket)
        self.process = SwitchProcess(found.binary, found.module_dir, MODULE_PATH, configuration)
        self.room = MediaRoom()
        try:
            self.process.start()
            self.process.api(f"global_setvar domain={DOMAIN}")  # of users whose dial string names none
            self.process.events.command("noevents")
            self.process.events.command(f"event plain {_EVENTS}")
            loaded = self.process.load_module()
            if not loaded.startswith("+OK"):
                raise SwitchDiedError(f"the module was not loaded: {loaded}\n{self.process.log_tail()}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Raises SwitchDiedError where it does not end well."""
        self.room.close()
        try:
            self.process.stop()
        finally:
            self.process.kill()
            self._folder.cleanup()


class FreeSwitchSwitch:
    """What the tests of one file have of it."""

    def __init__(self, freeswitch: FreeSwitchOfTests) -> None:
        self._freeswitch = freeswitch

    def line(self, dialling: Dialling) -> Line:
        self._freeswitch.process.assert_alive()
        return _SipLine(self._freeswitch.process, self._freeswitch.room, dialling)

    def close(self) -> None:
        self._freeswitch.process.assert_alive()


class _SipLine:
    def __init__(self, process: SwitchProcess, room: MediaRoom, dialling: Dialling) -> None:
        self._process = process
        self._room = room
        self._dialling = dialling
        self._party = room.party()
        self._sip = SipCall(process.sip_address, dialling.dialled, dialling.number, self._party, lambda: None)
        self._over = False
        self._gone = False
        self._news: list[News] = []
        self._beginning: asyncio.Task[None] | None = None

    @property
    def uuid(self) -> str:
        return self._sip.uuid

    async def begin(self, data: str) -> None:
        """It waits in the dialplan for its variables, which no header of SIP has to carry, and goes on to the agent."""
        self._beginning = asyncio.create_task(self._sip.begin({}, ANSWER_S))
        if not await self._until(lambda: self._is_parked() or self._refused()):
            raise AssertionError(f"FreeSWITCH did not take the call.\n{self._process.log_tail(20)}")
        if self._refused():
            raise AssertionError(f"FreeSWITCH did not take the call: {self._refused()}")
        for name, value in {**self._dialling.variables, _AGENT: data}.items():
            self._api(f"uuid_setvar {self.uuid} {name} {_escaped(value)}")
        self._api(f"uuid_transfer {self.uuid} {self._dialling.dialled} XML default")

    def _is_parked(self) -> bool:
        return bool(self._process.events.taken("CHANNEL_PARK", self.uuid))

    def _refused(self) -> BaseException | None:
        beginning = self._beginning
        return beginning.exception() if beginning is not None and beginning.done() else None

    async def _until(self, condition: Callable[[], object]) -> bool:
        deadline = time.monotonic() + ANSWER_S
        while not condition():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    def says(self, pcm: bytes) -> None:
        self._party.say(np.frombuffer(pcm, "<i2").astype(np.int16))

    async def keys(self, digits: str) -> None:
        self._party.press(digits)
        await asyncio.to_thread(self._party.wait_said)

    async def hang_up(self) -> None:
        self._sip.hang_up()
        await self._until(self._is_gone)

    def _is_gone(self) -> bool:
        self._take()
        return self._gone

    def news(self) -> list[News]:
        self._take()
        news, self._news = self._news, []
        return news

    def _take(self) -> None:
        for event in self._process.events.taken(uuid=self.uuid):
            kind = event.subclass.rpartition("::")[2]
            if kind:
                self._news.append(News(kind, event.body))
            elif event.name == "CHANNEL_DESTROY":
                self._over = self._gone = True
            elif event.name == "CHANNEL_EXECUTE_COMPLETE" and event.headers.get("Application") == "openai_agent":
                self._over = True

    @property
    def over(self) -> bool:
        return self._over

    @property
    def state(self) -> str | None:
        return "ended" if self._over else listed_state(self._api(f"uuid_openai_agent {self.uuid} list"))

    def variable(self, name: str) -> str | None:
        said = self._api(f"uuid_getvar {self.uuid} {name}")
        return None if said == "_undef_" or said.startswith("-ERR") else said

    @property
    def transferred_to(self) -> str | None:
        destination = self._sip.referred_to or self.variable("transfer_destination")
        return destination.split()[0] if destination else None

    async def finish(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self.hang_up()
        finally:
            if self._beginning is not None:
                self._beginning.cancel()
                await asyncio.wait([self._beginning])
            self._sip.close()
            self._room.dismiss(self._party)

    def _api(self, line: str) -> str:
        return self._process.api(line)


def _escaped(value: str) -> str:
    """For a command that takes quotes off."""
    return value.replace("\\", "\\\\").replace("'", "\\'")
