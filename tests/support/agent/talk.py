"""A telephone call with an agent on a real FreeSWITCH: the caller, and the endpoint that the agent talks to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from freeswitch import RealSwitch
from sip.telephone import Telephone, TelephoneCall

from mod_openai_realtime.local.recording import ConnectionRecord
from mod_openai_realtime.local.thread import LocalEndpointThread

TONE: dict[str, object] = {"tone_hz": 440, "ms": 600}


def call_of(name: str, **arguments: object) -> dict[str, object]:
    """A turn of a model's script: a tool is called."""
    return {"call": {"name": name, "arguments": arguments}}


def do(method: str, **arguments: object) -> dict[str, object]:
    """As call_of(), of the tool that calls a method of the call."""
    return call_of("do", method=method, arguments=arguments)


class Talks:
    """Makes calls to the agent `helper`, or the one named."""

    def __init__(
        self,
        switch: RealSwitch,
        make_telephone: Callable[[], Telephone],
        make_endpoint: Callable[..., LocalEndpointThread],
        folder: Path,
    ) -> None:
        self._switch = switch
        self._make_telephone = make_telephone
        self._make_endpoint = make_endpoint
        self.notes_file = folder / "notes"

    def __call__(
        self,
        *script: dict[str, object],
        to: str = "helper",
        variables: str = "",
        parameters: str = "",
        telephone: Mapping[str, Any] | None = None,
        **endpoint_options: Any,
    ) -> tuple[TelephoneCall, LocalEndpointThread]:
        """`script`: what the model does in answer to the greeting's request, and to each turn of the caller.
        `telephone`: attributes of the caller's. The other options are the endpoint's."""
        endpoint = self.endpoint(**{"agent": {"turns": list(script)}, **endpoint_options})
        call = self.begin(f"{to} url={endpoint.url} {parameters}", variables, telephone)
        return call.wait_answered(), endpoint

    def endpoint(self, **options: Any) -> LocalEndpointThread:
        return self._make_endpoint(**{"vad": False, **options})

    def begin(self, arguments: str, variables: str = "", telephone: Mapping[str, Any] | None = None) -> TelephoneCall:
        """A call, to the application with these arguments, that may not be answered yet."""
        caller = self._make_telephone()
        for name, value in (telephone or {}).items():
            setattr(caller, name, value)
        headers = {"X-Agent": f"{arguments} notes={self.notes_file}"}
        if variables:
            headers["X-Variables"] = variables
        return caller.call(self._switch.sip_address, "agent", headers)

    @property
    def notes(self) -> list[list[str]]:
        """What the agents have noted so far: an agent, and why its part ended."""
        lines = self.notes_file.read_text().splitlines() if self.notes_file.exists() else []
        return [json.loads(line) for line in lines]

    def wait_notes(self, *expected: list[str]) -> None:
        self._switch.wait_until(lambda: len(self.notes) >= len(expected))
        assert self.notes == list(expected), self.notes


def outputs(records: Sequence[ConnectionRecord]) -> list[str]:
    """What the model was told that its calls gave, oldest first."""
    items = [event["item"] for each in records for event in each.received_events("conversation.item.create")]
    return [item["output"] for item in items if item["type"] == "function_call_output"]


def wait_outputs(endpoint: LocalEndpointThread, count: int = 1) -> list[str]:
    endpoint.wait_for(lambda it: len(outputs(it.connections)) >= count, 20)
    return endpoint.call(lambda it: outputs(it.connections))
