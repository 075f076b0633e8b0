"""Does a canary do worse than the champion beside it? Sequential tests that may be looked at after every request.

Requests are drawn at random, so under the null hypothesis, that a thing (an error, a slow answer, a wrong prediction)
happens to the canary's requests at most `tolerated` times as often as to the champion's, the share of such things
that are the canary's stays below a known bound, however their rate moves through the day: only things that happened
count, not how many requests there were. A mixture of likelihood ratios over larger shares is then a test martingale,
and by Ville's inequality exceeds 1/alpha with a probability of at most alpha, whenever one looks.

Source: Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022; its use for canaries,
Lindon, Sanden and Shirikian, "Rapid Regression Detection in Software Deployments through Sequential Testing", KDD 2022.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

from mlsteward.record import Record

What = Literal["errors", "slow answers", "wrong predictions"]
TOLERATED: Final[dict[What, float]] = {"errors": 1.2, "slow answers": 1.2, "wrong predictions": 1.1}
"""How many times as often a thing may happen to the canary's requests before it counts as worse."""

ALPHA: Final = 0.01
"""The probability of stopping a canary that is no worse, over all three tests and all the time that it runs."""

# How many times the tolerated rate the alternatives have, weighed alike.
_ALTERNATIVES = (1.25, 1.6, 2.5, 5.0, 20.0, 200.0)


class Race(Record):
    """What of one kind happened to the requests of either model so far."""

    what: What
    champion: int = 0
    canary: int = 0

    def log_evidence(self, percent: float) -> float:
        """The logarithm of the test martingale, of a canary that gets `percent` % of the requests (0 < percent < 100).

        It is a sum over alternatives r of (θ_r/θ_0)^canary ((1-θ_r)/(1-θ_0))^champion, θ the canary's share.
        """
        share = percent / 100
        null = _share(share, TOLERATED[self.what])
        terms: list[float] = []
        for times in _ALTERNATIVES:
            other = _share(share, TOLERATED[self.what] * times)
            terms.append(
                self.canary * math.log(other / null) + self.champion * (math.log1p(-other) - math.log1p(-null))
            )
        most = max(terms)
        return most + math.log(sum(math.exp(term - most) for term in terms) / len(terms))

    def is_worse(self, percent: float) -> bool:
        """Whether the canary does worse: at most `ALPHA` of those that do not are ever said to."""
        return self.log_evidence(percent) >= math.log(len(TOLERATED) / ALPHA)

    def words(self, percent: float, champion_of: int, canary_of: int) -> str:
        """`errors: 12 of 300 against 2 of 2,700 (evidence 4,100 : 1)`, the canary's first."""
        evidence = math.exp(min(self.log_evidence(percent), 30))
        return (
            f"{self.what}: {self.canary:,} of {canary_of:,} against {self.champion:,} of {champion_of:,}"
            f" (evidence {evidence:,.3g} : 1)"
        )


def _share(share: float, rate: float) -> float:
    """The share of events that are the canary's, when they happen `rate` times as often to its requests."""
    return share * rate / (share * rate + 1 - share)


def slow_limit(latencies_ms: Sequence[float]) -> float:
    """From how many milliseconds an answer is slow: one and a half times the champion's 95th percentile, and at least
    10 ms over it. `latencies_ms` are the champion's first ones, which are not judged themselves."""
    ordered = sorted(latencies_ms)
    high = ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)]
    return max(1.5 * high, high + 10)


def wide_limit(errors: Sequence[float]) -> float:
    """From which absolute error a prediction of a number counts as wrong: the 90th percentile of the champion's first
    ones, which are not judged themselves."""
    ordered = sorted(errors)
    return ordered[min(len(ordered) - 1, math.ceil(0.9 * len(ordered)) - 1)]
