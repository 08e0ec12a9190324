"""Of a few measurements, without a guess between two of them."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that a share of them, 0 to 1, does not exceed. Raises IndexError where there are none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
