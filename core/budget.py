"""How often a step is tried: what counts against it, and when it is spent. Pure.

Three exceptions or three kills, each while it was *alone* in its process: a step whose batch died is a suspect, not
yet guilty, and runs alone from then on. Storage that does not answer gets more tries, over a quarter of an hour.
"""

from dataclasses import dataclass, replace

SOLO = 3
OUTAGES = 20
"""With the delays below about sixteen minutes."""
LONGEST_DELAY = 60.0
"""Seconds."""


@dataclass(frozen=True)
class Tries:
    """What a step went through. `kills`: its worker was lost; `errors`: exceptions; both only where it was alone."""

    kills: int = 0
    errors: int = 0
    outages: int = 0
    suspect: bool = False

    @property
    def alone(self) -> bool:
        """Whether it must be claimed without neighbours."""
        return self.suspect or bool(self.kills or self.errors)

    @property
    def spent(self) -> bool:
        return max(self.kills, self.errors) >= SOLO or self.outages >= OUTAGES

    def after(self, *, alone: bool, killed: bool = False, outage: bool = False) -> "Tries":
        """One more try that failed."""
        if outage:
            return replace(self, outages=self.outages + 1)
        if not alone:
            return replace(self, suspect=True)
        return replace(self, kills=self.kills + killed, errors=self.errors + (not killed))

    def delay(self, base: float) -> float:
        """Seconds before the next try, without jitter. None after a first kill, which says nothing of the step."""
        failed = max(0, self.kills - 1) + self.errors + self.outages
        return min(LONGEST_DELAY, base * 2.0 ** (failed - 1)) if failed else 0.0
