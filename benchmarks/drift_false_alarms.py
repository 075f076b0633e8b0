"""How often `check_drift` flags anything in 20 columns that did not drift. To reach: at most 0.06 at every size.

uv run python -m benchmarks.drift_false_alarms [--trials 1000]
"""

import argparse
from collections import Counter

import numpy as np

from benchmarks.drift_samples import trial

SIZES = [(500, 500), (1000, 1000), (5000, 100), (5000, 500), (5000, 5000), (50_000, 1000), (50_000, 50_000)]
# A trial of the largest tables takes as long as fifty of the smallest.
LARGE = 40_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    trials = parser.parse_args().trials
    print("reference/current | trials | P(any of 20 flagged) | standard error | verdicts")
    for rows, current_rows in SIZES:
        random = np.random.default_rng(rows + current_rows)
        number = trials if rows < LARGE else max(50, trials // 5)
        verdicts: Counter[str] = Counter()
        flagged: Counter[str] = Counter()
        for _ in range(number):
            verdict, reports = trial(random, rows, current_rows)
            verdicts[verdict] += 1
            flagged.update(f"{r.column}/{r.main.kind}" for r in reports if r.verdict == "drift")
        share = verdicts["drift"] / number
        error = float(np.sqrt(max(share, 1 / number) * (1 - share) / number))
        print(
            f"{rows}/{current_rows} | {number} | {share:.3f} | {error:.3f} | {dict(verdicts)} {flagged.most_common(4)}"
        )


if __name__ == "__main__":
    main()
