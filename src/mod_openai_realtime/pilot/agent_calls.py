"""The agents of one worker: the hosts that are connected, and the calls that are theirs."""

from __future__ import annotations

from ..agent.messages import Facts, Plan
from ..later import Later
from .agent_call import AgentCall, Desk, Kept
from .agent_host import AgentHost
from .agent_plan import plan_uri

RECONNECT_S = 1.0
"""So long the host of a call whose worker has died has to find the new worker: it tries four times a second."""


class AgentCalls:
    """Gives each call a host, and another one where that dies. Calls wait where there is none."""

    def __init__(
        self, agents: frozenset[str], later: Later, default_uri: str = "", only_uri: str | None = None
    ) -> None:
        """`agents`: the names that the engine was started with; their hosts may come later. `default_uri`: the
        endpoint of those that name none; `only_uri`: that of all."""
        self._agents = agents
        self._default_uri = default_uri
        self._only_uri = only_uri
        self._later = later
        self._hosts: list[AgentHost] = []
        self._waiting: dict[int, AgentCall] = {}
        self._number = 0

    def uri(self, plan: Plan) -> str:
        """Where an agent's stream goes. Raises PlanError."""
        return self._only_uri if self._only_uri is not None else plan_uri(plan, self._default_uri)

    def knows(self, agent: str) -> bool:
        """Whether a call of this agent may begin."""
        return agent in self._agents or any(host.has(agent) for host in self._hosts)

    def begin(self, agent: str, facts: Facts, desk: Desk, kept: Kept | None = None) -> AgentCall:
        """A new call, or one that another worker has lost (`kept`)."""
        self._number += 1
        call = AgentCall(self._number, agent, facts, desk, self, self._later, kept)
        self.place(call)
        return call

    def place(self, call: AgentCall) -> None:
        """The call needs a host."""
        host = self._host_for(call.agent, call.wanted_host)
        if host is None:
            self._waiting[call.number] = call
            if call.wanted_host:
                self._later(RECONNECT_S, lambda: self._want_any(call))
        else:
            host.calls[call.number] = call
            call.taken_by(host)

    def forget(self, call: AgentCall) -> None:
        self._waiting.pop(call.number, None)
        for host in self._hosts:
            host.calls.pop(call.number, None)

    def _want_any(self, call: AgentCall) -> None:
        """The host that had the call has not come back."""
        call.wanted_host = ""
        if self._waiting.pop(call.number, None) is not None:
            self.place(call)

    def _host_for(self, agent: str, wanted: str) -> AgentHost | None:
        """The one that is wanted; else, of the newest generation that has the agent, the one with the fewest calls."""
        if wanted:
            return next((host for host in self._hosts if host.id == wanted), None)
        hosts = [host for host in self._hosts if host.has(agent)]
        return max(hosts, key=lambda host: (host.generation, -len(host.calls)), default=None)

    # -- from the hosts (HostListener)

    def host_ready(self, host: AgentHost) -> None:
        if host not in self._hosts:
            self._hosts.append(host)
        waiting, self._waiting = self._waiting, {}
        for call in waiting.values():
            self.place(call)

    def host_lost(self, host: AgentHost) -> None:
        if host in self._hosts:
            self._hosts.remove(host)
        calls, host.calls = host.calls, {}
        for call in calls.values():
            call.host_lost()

    def end(self) -> None:
        """The worker ends."""
        for host in list(self._hosts):
            host.close()
