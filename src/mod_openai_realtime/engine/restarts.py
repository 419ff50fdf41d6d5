"""When a process that has ended is started again. The owner keeps the clock."""

STEADY_S = 5.0
AT_ONCE = 2
SHORTEST_S, LONGEST_S = 0.1, 0.5


class Restarts:
    """Of one process: at once, but for one that ends soon after its start again and again.

    Calls are without their agent meanwhile, so the longest wait is half of the second in which all are to be back; a
    start takes some 20 ms of a core.
    """

    def __init__(self) -> None:
        self._early = 0

    def wait_s(self, lived_s: float) -> float:
        """It has ended, `lived_s` after its start (0: it could not be started). Returns how long to wait before the
        next: nothing for the first AT_ONCE of those that lived less than STEADY_S, then twice as long each time."""
        if lived_s >= STEADY_S:
            self._early = 0
            return 0.0
        self._early += 1
        if self._early <= AT_ONCE:
            return 0.0
        # The exponent is bounded, since a float is: a loop may go on for months.
        return float(min(LONGEST_S, SHORTEST_S * 2 ** min(self._early - AT_ONCE - 1, 8)))
