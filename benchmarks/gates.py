"""How often the gates err on data whose truth is known: `uv run python -m benchmarks.gates`.

Each line is a share of trials beside what was promised, and beside what the customary figure would have done on the
same rows: rows taken as independent where days move together, the plain expected calibration error, the largest of many
slices or differences between groups taken by itself.
"""

import numpy as np
import pandas as pd

from mlsteward.evaluation.comparison import paired_bootstrap
from mlsteward.evaluation.fairness import measure_fairness
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.predictions import Floats, Predictions
from mlsteward.gates.calibration import calibration
from mlsteward.gates.non_inferiority import non_inferiority
from mlsteward.gates.rules import CalibrationRules, NonInferiorityRules

TRIALS = 200
_DAYS, _A_DAY = 60, 20


def main() -> None:
    print(f"{TRIALS} trials each; every data set is drawn so that the gate ought to hold back")
    for name, ours, customary, promised in (promoted_at_the_margin(), calibrated_called_bad(), equal_called_unequal()):
        print(f"{name}: {ours:.1%}, promised at most {promised:.1%}; the customary way {customary:.1%}")


def promoted_at_the_margin() -> tuple[str, float, float, float]:
    """A challenger whose loss is the margin above the champion's, by a different amount on each of 60 days."""
    rules = NonInferiorityRules(relative_margin=0.05)
    passed, naive = 0, 0
    for seed in range(TRIALS):
        generator = np.random.default_rng(seed)
        day = np.repeat(np.arange(_DAYS), _A_DAY)
        truth: Floats = np.zeros(len(day))
        champion = generator.choice([-1.0, 1.0], len(day))
        worse = 0.05 + generator.normal(0, 0.15, _DAYS)
        challenger = champion * (1 + worse[day])
        scored = Scored("regression", truth, Predictions(challenger), "day", day)
        found = non_inferiority(
            scored, Predictions(champion), rules, champion_label="champion", metric="mae", seed=seed
        )
        passed += found.outcome == "passed"
        blind = paired_bootstrap(
            "regression",
            truth,
            Predictions(challenger),
            Predictions(champion),
            metric="mae",
            units=None,
            weights=None,
            seed=seed,
        )
        naive += blind.high is not None and blind.high <= 0.05
    return "worse by the margin and promoted all the same", passed / TRIALS, naive / TRIALS, 0.025


def calibrated_called_bad() -> tuple[str, float, float, float]:
    """Probabilities that come true exactly as often as they say, on 400 rows, against a limit of 0.03."""
    failed, plain = 0, 0
    for seed in range(TRIALS):
        generator = np.random.default_rng(seed)
        said = generator.uniform(0.05, 0.95, 400)
        came = generator.random(400) < said
        truth = np.where(came, "yes", "no").astype(object)
        labels = np.where(said >= 0.5, "yes", "no").astype(object)
        predictions = Predictions(labels, np.stack([1 - said, said], axis=1), ["no", "yes"])
        rules = CalibrationRules(most_error=0.03)
        failed += calibration(Scored("binary", truth, predictions, "row"), rules).outcome == "failed"
        cells = np.minimum((said * 10).astype(int), 9)
        gaps = [abs((said - came)[cells == cell].sum()) for cell in range(10)]
        plain += sum(gaps) / 400 > 0.03
    return "calibrated and refused", failed / TRIALS, plain / TRIALS, 0.05


def equal_called_unequal() -> tuple[str, float, float, float]:
    """Eight groups that are told yes alike: is the largest difference of two of them above nothing?"""
    ours, pairwise = 0, 0
    for seed in range(TRIALS):
        generator = np.random.default_rng(seed)
        group = generator.integers(0, 8, 1200)
        told = generator.random(1200) < 0.4
        truth = np.where(generator.random(1200) < 0.4, "yes", "no").astype(object)
        labels = np.where(told, "yes", "no").astype(object)
        scores: Floats = np.where(told[:, None] == np.array([False, True]), 1.0, 0.0)
        scored = Scored("binary", truth, Predictions(labels, scores, ["no", "yes"]), "row")
        frame = pd.DataFrame({"group": [f"g{one}" for one in group]})
        gap = measure_fairness(frame, scored, "group", measures=["selection_rate"], seed=seed).gaps[0]
        ours += gap.low is not None and gap.low > 0
        shares = np.array([told[group == one].mean() for one in range(8)])
        sizes = np.bincount(group)
        high, low = int(shares.argmax()), int(shares.argmin())
        spread = np.sqrt(sum(shares[one] * (1 - shares[one]) / sizes[one] for one in (high, low)))
        pairwise += shares[high] - shares[low] > 1.96 * spread
    return "groups treated alike and called unequal", ours / TRIALS, pairwise / TRIALS, 0.05


if __name__ == "__main__":
    main()
