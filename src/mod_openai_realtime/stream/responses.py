"""Which responses of the server may be heard: after a barge-in, what still arrives for an interrupted one may not."""

from __future__ import annotations

BLOCKED_LIMIT = 16  # the newest interrupted responses: of older ones nothing is on its way any more


class Responses:
    """Follows responses by id; None stands for audio that names none.

    A response that was announced (`response.created`) lives until `response.done`; one that was not, from its first
    delta to its `output_audio.done`. Interrupting blocks those alive. One that was announced stays blocked after its
    end, for deltas that were on their way; an id that a new response uses again is free. Audio without an id is blocked
    only until anything shows that the interrupted response is over.
    """

    def __init__(self) -> None:
        self._alive: dict[str | None, bool] = {}  # id -> whether it was announced
        self._blocked: dict[str, bool] = {}
        self._anonymous_blocked = False

    def created(self, response: str | None) -> None:
        if response is not None:
            self._blocked.pop(response, None)
        self._anonymous_blocked = False
        self._alive[response] = True

    def audible(self, response: str | None) -> bool:
        """Whether audio of this response may be played; notes that it is alive."""
        if self._anonymous_blocked if response is None else response in self._blocked:
            return False
        self._alive.setdefault(response, False)
        return True

    def raw_audible(self) -> bool:
        """The same for binary audio, which never says where it belongs and has no end."""
        return not self._anonymous_blocked

    def audio_done(self, response: str | None) -> bool:
        """False where this ends the audio of an interrupted response, which is silent already."""
        heard = not (self._anonymous_blocked if response is None else response in self._blocked)
        self._anonymous_blocked = False
        if self._alive.get(response) is False:
            del self._alive[response]
        if response is not None and self._blocked.get(response) is False:
            del self._blocked[response]
        return heard

    def done(self, response: str | None) -> bool:
        """False where the response was interrupted."""
        heard = not (self._anonymous_blocked if response is None else response in self._blocked)
        self._anonymous_blocked = False
        self._alive.pop(response, None)
        if response is not None and self._blocked.get(response) is False:
            del self._blocked[response]
        return heard

    def turn_ended(self) -> None:
        """The caller's turn is over: audio without an id belongs to the answer now."""
        self._anonymous_blocked = False

    def interrupt(self) -> None:
        """Barge-in: what is alive is blocked."""
        self._anonymous_blocked = bool(self._alive)
        self._blocked.update({name: announced for name, announced in self._alive.items() if name is not None})
        self._alive.clear()
        while len(self._blocked) > BLOCKED_LIMIT:
            del self._blocked[next(iter(self._blocked))]

    def reset(self) -> None:
        """A new connection: the server knows nothing of the old one's responses."""
        self._alive.clear()
        self._blocked.clear()
        self._anonymous_blocked = False
