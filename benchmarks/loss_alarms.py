"""False alarms in a year, and how soon a rise is seen: 200 labels a day, an error of 10 % that differs between days.

To reach: at most 6 % of years with a false alarm at a budget of one in two years, with days that differ by a standard
deviation of .02; a rise from 10 to 16 % seen within 8 days in half the trials.

    uv run python -m benchmarks.loss_alarms [--trials 4000]
"""

import argparse
import sys

import numpy as np

from mlsteward.monitoring.baseline import Floats, Losses, baseline_of, standardised
from mlsteward.monitoring.shiryaev_roberts import evidence, first_above
from mlsteward.monitoring.watch import TOLERANCE

LABELS = 200
BUDGET = 730
ERROR, RISEN = 0.10, 0.16
QUIET = 60


def days(random: np.random.Generator, trials: int, count: int, error: float, spread: float, carried: float) -> Floats:
    """(trials, count) shares of wrong labels; `carried` is how far a day's difference lasts into the next."""
    noise = random.standard_normal((trials, count))
    for day in range(1, count):
        noise[:, day] = carried * noise[:, day - 1] + np.sqrt(1 - carried**2) * noise[:, day]
    return random.binomial(LABELS, np.clip(error + spread * noise, 0.0, 1.0)) / LABELS


def alarms(reference: Floats, stream: Floats) -> Floats:
    """The day of the first alarm, from 1; infinity where there was none."""
    own, later = (Losses(np.full(each.shape[1], float(LABELS)), each, each) for each in (reference, stream))
    base = baseline_of(own, TOLERANCE)
    z = standardised(later, base.limit, base.spread(later.rows), base.correlation)
    first = first_above(evidence(z, base.skewness, base.kurtosis), BUDGET)
    return np.where(first >= 0, first + 1.0, np.inf)


def rows_alarms(reference: Floats, stream: Floats) -> Floats:
    """The same with a bet on each row, as if rows were independent whatever their day."""
    limit = reference.mean(axis=1, keepdims=True) * (1 + TOLERANCE)
    limit = limit + 2.33 * np.sqrt(limit * (1 - limit) / (LABELS * reference.shape[1]))
    # The likelihood ratio of an error half as large again.
    wrong, right = np.log(1.5), np.log((1 - 1.5 * limit) / (1 - limit))
    bets = np.exp(np.clip(LABELS * (stream * wrong + (1 - stream) * right), -50, 50))
    wealth, found = np.zeros(len(stream)), np.empty_like(stream)
    for day in range(stream.shape[1]):
        wealth = np.minimum(bets[:, day] * (wealth + 1), 1e100)
        found[:, day] = wealth
    first = first_above(found, BUDGET)
    return np.where(first >= 0, first + 1.0, np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=4_000)
    trials = parser.parse_args().trials
    random = np.random.default_rng(0)
    header = ("days of reference", "sd of days", "carried", "false in a year", "by rows", "days until seen", "90 %")
    sys.stdout.write(" | ".join(header) + "\n")
    for count in (30, 60, 90):
        for spread, carried in ((0.0, 0.0), (0.01, 0.0), (0.02, 0.0), (0.04, 0.0), (0.02, 0.5)):
            reference = days(random, trials, count, ERROR, spread, carried)
            quiet = days(random, trials, 365, ERROR, spread, carried)
            rise = days(random, trials, QUIET, ERROR, spread, carried)
            rise = np.concatenate([rise, days(random, trials, 180, RISEN, spread, carried)], axis=1)
            false, by_rows = (
                np.isfinite(alarms(reference, quiet)).mean(),
                np.isfinite(rows_alarms(reference, quiet)).mean(),
            )
            seen = alarms(reference, rise) - QUIET
            seen = seen[seen > 0]
            cells = (count, spread, carried, f"{false:.1%}", f"{by_rows:.1%}", np.median(seen), np.quantile(seen, 0.9))
            sys.stdout.write(" | ".join(str(each) for each in cells) + "\n")


if __name__ == "__main__":
    main()
