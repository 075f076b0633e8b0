"""How far two people agree who labelled the same rows."""

import math
from collections import Counter
from collections.abc import Sequence

from mlsteward.answer import interval, number
from mlsteward.record import Record

# Fewer shared rows than that say next to nothing.
FEWEST = 10
_Z = 1.959964


class Agreement(Record):
    """`coefficient` is Cohen's κ of classes, the concordance of numbers; None where it has no value, as `words` say."""

    first: str
    second: str
    rows: int
    same: int
    coefficient: float | None = None
    low: float | None = None
    high: float | None = None
    words: str


def agree_on_classes(first: str, second: str, pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Cohen's κ of the (n) pairs of labels that two people gave to the same rows, with a 95 % interval.

    Cohen, A coefficient of agreement for nominal scales (Educational and Psychological Measurement 20, 1960):
    κ = (observed − chance) / (1 − chance), chance from each one's own shares of the classes. The interval is Wilson's
    (1927) for the observed agreement, chance taken as known, as in Cohen's own standard error; other than that one it
    keeps a width where everything agrees. κ has no value where both used one class only.
    """
    rows, same = len(pairs), sum(one == other for one, other in pairs)
    agreement = Agreement(first=first, second=second, rows=rows, same=same, words=_same(first, second, rows, same))
    if rows < FEWEST:
        return agreement.model_copy(update={"words": f"{agreement.words}; {_too_few()}"})
    shares = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(count * shares[1][label] for label, count in shares[0].items()) / rows**2
    if chance == 1:
        words = f"{agreement.words}; κ has no value, since both used one class only"
        return agreement.model_copy(update={"words": words})
    low, kappa, high = ((share - chance) / (1 - chance) for share in _wilson(same, rows))
    words = f"{agreement.words}; Cohen's κ {interval(_short(kappa), _short(low), _short(high))}"
    return agreement.model_copy(update={"coefficient": kappa, "low": low, "high": high, "words": words})


def agree_on_numbers(first: str, second: str, pairs: Sequence[tuple[float, float]]) -> Agreement:
    """Lin's concordance coefficient of (n) pairs of numbers, and their mean absolute difference.

    Lin, A concordance correlation coefficient to evaluate reproducibility (Biometrics 45, 1989), with the 95 % interval
    of its inverse hyperbolic tangent there. It has no value where neither's numbers vary.
    """
    rows, same = len(pairs), sum(one == other for one, other in pairs)
    apart = sum(abs(one - other) for one, other in pairs) / max(rows, 1)
    said = f"{_same(first, second, rows, same)}; they differ by {number(apart)} on average"
    agreement = Agreement(first=first, second=second, rows=rows, same=same, words=said)
    if rows < FEWEST:
        return agreement.model_copy(update={"words": f"{said}; {_too_few()}"})
    means = [sum(pair[side] for pair in pairs) / rows for side in (0, 1)]
    variances = [sum((pair[side] - means[side]) ** 2 for pair in pairs) / rows for side in (0, 1)]
    covariance = sum((one - means[0]) * (other - means[1]) for one, other in pairs) / rows
    spread = sum(variances) + (means[0] - means[1]) ** 2
    if not spread or not all(variances):
        words = f"{said}; their concordance has no value, since one gave the same number throughout"
        return agreement.model_copy(update={"words": words})
    found = 2 * covariance / spread
    low, high = _lin_interval(found, covariance / math.sqrt(variances[0] * variances[1]), means, variances, rows)
    words = f"{said}; Lin's concordance {interval(_short(found), _short(low), _short(high))}"
    return agreement.model_copy(update={"coefficient": found, "low": low, "high": high, "words": words})


def _wilson(successes: int, trials: int) -> tuple[float, float, float]:
    """The lower end, the share itself and the upper end."""
    share, room = successes / trials, _Z**2 / trials
    middle = (share + room / 2) / (1 + room)
    half = _Z * math.sqrt(share * (1 - share) / trials + room / (4 * trials)) / (1 + room)
    return middle - half, share, middle + half


def _lin_interval(
    found: float, correlation: float, means: Sequence[float], variances: Sequence[float], rows: int
) -> tuple[float | None, float | None]:
    if abs(found) >= 1 or not correlation:
        return None, None
    shift = (means[0] - means[1]) ** 2 / math.sqrt(variances[0] * variances[1])
    squares = found**2, correlation**2
    variance = (
        (1 - squares[1]) * squares[0] / ((1 - squares[0]) * squares[1])
        + 2 * found**3 * (1 - found) * shift / (correlation * (1 - squares[0]) ** 2)
        - found**4 * shift**2 / (2 * squares[1] * (1 - squares[0]) ** 2)
    ) / (rows - 2)
    half = _Z * math.sqrt(max(variance, 0.0))
    return math.tanh(math.atanh(found) - half), math.tanh(math.atanh(found) + half)


def _same(first: str, second: str, rows: int, same: int) -> str:
    return f"{first} and {second} agree on {same} of {rows} rows"


def _too_few() -> str:
    return f"not enough shared rows for more ({FEWEST} at least)"


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
