"""How often `check_drift` finds the one column of 20 that shifted: +0.2 σ, or total variation 0.15 in categories.

To reach: 0.75 at 1000/1000 and 0.95 at 2000/2000, for every kind of column; at 500/500 it may say *not enough data*
but must not say *stable*.

    uv run python -m benchmarks.drift_power [--trials 200]
"""

import argparse
from collections import Counter

import numpy as np

from benchmarks.drift_samples import COLUMNS, trial

SIZES = [500, 1000, 2000]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    trials = parser.parse_args().trials
    print("shifted column | " + " | ".join(f"found at {size}/{size}" for size in SIZES) + " | verdicts at 500/500")
    for column in COLUMNS:
        random = np.random.default_rng(len(column.name))
        found: list[str] = []
        verdicts: Counter[str] = Counter()
        for size in SIZES:
            hits = 0
            for _ in range(trials):
                verdict, reports = trial(random, size, size, column.name)
                hits += any(report.column == column.name and report.verdict == "drift" for report in reports)
                verdicts[verdict] += size == SIZES[0]
            found.append(f"{hits / trials:.2f}")
        print(" | ".join([column.name, *found, str({name: count for name, count in verdicts.items() if count})]))


if __name__ == "__main__":
    main()
