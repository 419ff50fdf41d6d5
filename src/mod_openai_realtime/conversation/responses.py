"""Which responses of the server may be heard: after a barge-in, what still arrives for an interrupted one may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..limits import MAX_RESPONSES
from .requests import Requests

BLOCKED_LIMIT = 16  # the newest interrupted responses: of older ones nothing is on its way any more


@dataclass(frozen=True, slots=True)
class _Alive:
    announced: bool
    interruptible: bool


class Responses:
    """Follows the responses of one session by id; None stands for audio that names none.

    A response that was announced (`response.created`) lives until `response.done`; one that was not, from its first
    delta to its `output_audio.done`. Interrupting blocks those alive. One that was announced stays blocked after its
    end, for deltas that were on their way; an id that a new response uses again is free. Audio without an id may be of
    whichever is alive, and is blocked only until anything shows that the interrupted response is over.
    """

    def __init__(self) -> None:
        self.requests = Requests()
        self._alive: dict[str | None, _Alive] = {}
        self._blocked: dict[str, bool] = {}  # id -> whether it was announced
        self._anonymous_blocked = False

    def created(self, response: str | None, metadata: object = None) -> None:
        if response is not None:
            self._blocked.pop(response, None)
        self._anonymous_blocked = False
        self._live(response, _Alive(True, not self.requests.answered(metadata)))

    def audible(self, response: str | None) -> bool:
        """Whether audio of this response may be played; notes that it is alive."""
        if self.silenced(response):
            return False
        if response not in self._alive:
            anonymous = response is None and self._alive
            interruptible = self.interruptible(None) if anonymous else not self.requests.answered(None)
            self._live(response, _Alive(False, interruptible))
        return True

    def is_playing(self, response: str | None) -> bool:
        """Whether audible() would say yes, and note nothing."""
        return response in self._alive and not self.silenced(response)

    def _live(self, response: str | None, alive: _Alive) -> None:
        self._alive.pop(response, None)
        self._alive[response] = alive
        if len(self._alive) > MAX_RESPONSES:
            del self._alive[next(iter(self._alive))]

    def raw_audible(self) -> bool:
        """The same for binary audio, which never says where it belongs and has no end."""
        return not self._anonymous_blocked

    def interruptible(self, response: str | None) -> bool:
        """Whether the caller may interrupt a response that is alive."""
        alive = self._alive.get(response)
        if alive is None and response is None and self._alive:
            return any(each.interruptible for each in self._alive.values())
        return alive is None or alive.interruptible

    def silenced(self, response: str | None) -> bool:
        """Whether it was interrupted."""
        return self._anonymous_blocked if response is None else response in self._blocked

    def audio_done(self, response: str | None) -> bool:
        """False where this ends the audio of an interrupted response, which is silent already."""
        heard = not self.silenced(response)
        alive = self._alive.get(response)
        if alive is not None and not alive.announced:
            del self._alive[response]
        self._unblock(response)
        return heard

    def done(self, response: str | None) -> bool:
        """False where the response was interrupted."""
        heard = not self.silenced(response)
        self._alive.pop(response, None)
        self._unblock(response)
        return heard

    def _unblock(self, response: str | None) -> None:
        self._anonymous_blocked = False
        if response is not None and self._blocked.get(response) is False:
            del self._blocked[response]

    def turn_ended(self) -> None:
        """The caller's turn is over: audio without an id belongs to the answer now."""
        self._anonymous_blocked = False

    def interrupt(self, chosen: Callable[[str | None], bool] = lambda response: True) -> list[str | None]:
        """Block those alive that are chosen; -> which of them were announced, and so may be under way at the server."""
        blocked = {name: alive for name, alive in self._alive.items() if chosen(name)}
        for name in blocked:
            del self._alive[name]
        if blocked and (None in blocked or not self._alive):
            self._anonymous_blocked = True
        self._blocked.update({name: alive.announced for name, alive in blocked.items() if name is not None})
        while len(self._blocked) > BLOCKED_LIMIT:
            del self._blocked[next(iter(self._blocked))]
        return [name for name, alive in blocked.items() if alive.announced]

    @property
    def any_alive(self) -> bool:
        """Whether one may be under way that was not interrupted."""
        return bool(self._alive)

    @property
    def any_interruptible(self) -> bool:
        """Whether one may be under way that the caller may interrupt."""
        return any(alive.interruptible for alive in self._alive.values())

    @property
    def any_announced(self) -> bool:
        """Whether a response may be under way at the server that was not interrupted."""
        return any(alive.announced for alive in self._alive.values())
