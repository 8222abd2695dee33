"""What one call may spend on training: minutes of wall time, steps, or both."""

import math
import time


class Budget:
    """Counts from its making; without limits it is never used up.

    minutes: of wall time; steps: of training, of all arms together.
    """

    def __init__(self, minutes: float | None = None, steps: int | None = None) -> None:
        self._deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
        self._steps_left = math.inf if steps is None else steps

    def step_taken(self) -> None:
        """One optimiser step more."""
        self._steps_left -= 1

    @property
    def used_up(self) -> bool:
        """No step is left, or the time is over."""
        return self._steps_left <= 0 or time.monotonic() >= self._deadline
