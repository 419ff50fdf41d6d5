"""The model of one call as a test scripts it: turn by turn, while the call is on."""

from collections import deque
from typing import Any, Self

import orjson

from .conditions import When
from .g711 import Samples
from .turns import Call, Context, FunctionCall, Model, Turn, words_of_instructions


class _Turns:
    """What is said and called, a response each, in the order of these."""

    def __init__(self) -> None:
        self._queue: deque[Turn] = deque()

    def will_say(self, text: str) -> Self:
        return self.will_do(Turn(text))

    def will_call(self, name: str, /, **arguments: Any) -> Self:
        return self.will_do(Turn(calls=(FunctionCall(name, orjson.dumps(arguments).decode()),)))

    def will_call_all(self, *calls: Call) -> Self:
        """Several in one response."""
        return self.will_do(Turn(calls=calls))

    def will_do(self, turn: Turn) -> Self:
        self._queue.append(turn)
        return self


class Rule(_Turns):
    """Whenever it holds: its turns, the first now and the others in the responses after."""

    def __init__(self, when: When) -> None:
        super().__init__()
        self.when = when

    @property
    def turns(self) -> list[Turn]:
        return list(self._queue)


class ScriptedModel(_Turns, Model):
    """To be given to an endpoint as its `agent`, or by `agent_for`; sessions that share it go on with the same script.

    A response that is told what to say, in instructions of its own, says those words. Any other follows the first
    rule that holds, then the next of the turns; where there is none, it says the session's instructions. May be
    scripted from another thread than the endpoint's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rules: list[Rule] = []
        self._heard: deque[str] = deque()
        self.contexts: list[Context] = []
        """What was asked of it so far."""

    @property
    def turns_left(self) -> int:
        """How many of its turns have not been asked for yet."""
        return len(self._queue)

    def when(self, **conditions: Any) -> Rule:
        """A rule with the conditions of a script's `when`. Raises ValueError for one that there is not."""
        rule = Rule(When.from_json(conditions))
        self._rules.append(rule)
        return rule

    def will_hear(self, *texts: str) -> Self:
        """What the caller is going to say, turn by turn: the transcripts. Without one, nobody knows what was said."""
        self._heard.extend(texts)
        return self

    async def answer(self, context: Context) -> Turn:
        self.contexts.append(context)
        rule = next((each for each in self._rules if each.when.holds(context)), None)
        if rule is not None and rule.turns:
            first, *later = rule.turns
            self._queue.extendleft(reversed(later))
            return first
        if context.asked is None and self._queue:
            return self._queue.popleft()
        return Turn(words_of_instructions(context))

    async def transcribe(self, samples: Samples, rate: int) -> str | None:
        return self._heard.popleft() if self._heard else None
