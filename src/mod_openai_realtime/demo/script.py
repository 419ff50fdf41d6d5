"""What is said in the demo's call."""

from dataclasses import dataclass

from ..local.agent import Script, Turn


@dataclass(frozen=True)
class Exchange:
    """The caller says something, and the agent answers.

    `interrupts_after_ms`: the caller does not wait until the agent has finished, but begins when it has been heard for
    so long. None: waits.
    """

    caller: str
    agent: str
    interrupts_after_ms: int | None = None


@dataclass(frozen=True)
class Scenario:
    greeting: str
    said_while_muted: str
    """The caller's words into the greeting, which nobody may hear: the stream starts muted."""
    exchanges: tuple[Exchange, ...]

    @property
    def caller_lines(self) -> tuple[str, ...]:
        return (self.said_while_muted, *(each.caller for each in self.exchanges))

    @property
    def agent_lines(self) -> tuple[str, ...]:
        return (self.greeting, *(each.agent for each in self.exchanges))

    def is_interrupted(self, turn: int) -> bool:
        """Whether the caller interrupts this turn of the agent; turn 0 is the greeting."""
        return turn < len(self.exchanges) and self.exchanges[turn].interrupts_after_ms is not None

    def agent_script(self) -> Script:
        return Script(turns=tuple(Turn(each.agent) for each in self.exchanges), greeting=Turn(self.greeting))


CONVERSATION = Scenario(
    greeting="Good morning, this is the bicycle workshop. How can I help you?",
    said_while_muted="Hello?",
    exchanges=(
        Exchange(
            "My front brake squeaks and I need it repaired today.",
            "Yes, we can do that. Bring it in before noon, and it will be ready this afternoon.",
        ),
        Exchange(
            "How much will that cost?",
            "A brake service starts at thirty five pounds. New pads are twelve pounds a pair, new cables are eight "
            "pounds each, and a worn rotor would come on top of that, so we always look at it first.",
        ),
        Exchange(
            "Sorry to interrupt you but do I need an appointment?",
            "No, just come by. We are open until six.",
            interrupts_after_ms=1800,
        ),
        Exchange("Thank you very much and goodbye!", "You are welcome. Goodbye!"),
    ),
)
