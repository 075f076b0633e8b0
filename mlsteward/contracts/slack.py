"""How far from what was seen a check lets later versions go, in round numbers."""

import math


def rounded_up(value: float, digits: int = 2) -> float:
    """The next number with so many significant digits, not below `value`."""
    return -rounded_down(-value, digits)


def rounded_down(value: float, digits: int = 2) -> float:
    """The number before it with so many significant digits, not above `value`."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)
    # The tiny shift keeps a number that is round already from being pushed on by the noise of the division.
    return float(f"{math.floor(value / step + 1e-9) * step:.12g}")
