"""How many labels each way of selecting rows needs for the same accuracy, on real data, averaged over seeds.

    uv run python -m benchmarks.labels_needed [--seeds 10] [--data digits,breast_cancer]

A logistic regression learns from 20 random labels, then 10 more in each of 13 rounds, chosen among the rows of the
training half; its accuracy is that on the other half. Printed: labels until the accuracy that random choice ends with,
as a share of its last round's, and the mean accuracy on the way; then the accuracy of a first choice, without labels.
"""

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from mlsteward.labels.selection import (
    Floats,
    Places,
    choose_at_random,
    choose_diverse_uncertain,
    choose_typical,
    choose_uncertain,
    class_uncertainty,
)

FIRST, BATCH, ROUNDS = 20, 10, 13
Choice = Callable[[Floats, Floats, Floats, int], Places]

STRATEGIES: dict[str, Choice] = {
    "random": lambda matrix, labelled, unsure, seed: choose_at_random(len(matrix), BATCH, seed),
    "uncertainty": lambda matrix, labelled, unsure, seed: choose_uncertain(unsure, BATCH),
    "diverse uncertainty": lambda matrix, labelled, unsure, seed: choose_diverse_uncertain(matrix, unsure, BATCH, seed),
    "coverage": lambda matrix, labelled, unsure, seed: choose_typical(matrix, BATCH, labelled, seed),
}


def halves(matrix: Floats, target: Any, seed: int) -> tuple[Floats, Floats, Any, Any]:
    """Rows to choose from and rows to judge by, in standardised units, and their classes."""
    split: Any = train_test_split(matrix, target, test_size=0.5, random_state=seed, stratify=target)
    rows, held, y, truth = split
    scaler: Any = StandardScaler().fit(rows)
    return scaler.transform(rows), scaler.transform(held), y, truth


def curve(matrix: Floats, target: Any, choice: Choice, seed: int) -> list[float]:
    """Accuracy after each round."""
    rows, held, y, truth = halves(matrix, target, seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    labelled = order[:FIRST]
    if len(np.unique(y[labelled])) < 2:
        labelled = np.concatenate([labelled[1:], order[y[order] != y[labelled[0]]][:1]])
    found: list[float] = []
    for turn in range(ROUNDS + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(max_iter=200).fit(rows[labelled], y[labelled])
        found.append(float(model.score(held, truth)))
        free = np.setdiff1d(np.arange(len(rows)), labelled)
        unsure = class_uncertainty(model.predict_proba(rows[free]))
        labelled = np.concatenate([labelled, free[choice(rows[free], rows[labelled], unsure, seed * 100 + turn)]])
    return found


def cold_start(matrix: Floats, target: Any, n: int, seed: int) -> tuple[float, float]:
    """Accuracy with n first labels: chosen at random, and to cover."""
    rows, held, y, truth = halves(matrix, target, seed)
    none = np.zeros((0, rows.shape[1]))
    choices = choose_at_random(len(rows), n, seed), choose_typical(rows, n, none, seed)
    one, other = (LogisticRegression(max_iter=200).fit(rows[places], y[places]) for places in choices)
    return float(one.score(held, truth)), float(other.score(held, truth))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--data", default="digits,breast_cancer")
    given = parser.parse_args()
    for name in given.data.split(","):
        matrix, target = getattr(datasets, f"load_{name}")(return_X_y=True)
        curves = {
            strategy: np.mean([curve(matrix, target, choice, seed) for seed in range(given.seeds)], axis=0)
            for strategy, choice in STRATEGIES.items()
        }
        goal = curves["random"][-1]
        print(f"{name}: {len(matrix)} rows, {given.seeds} seeds; random choice ends at accuracy {goal:.3f}")
        labels = FIRST + BATCH * np.arange(ROUNDS + 1)
        for strategy, values in curves.items():
            reached = np.flatnonzero(values >= goal)
            needed = f"{labels[reached[0]] / labels[-1]:.2f}" if len(reached) else "never"
            print(f"  {strategy:20} labels needed ÷ random {needed:>5}; mean {values.mean():.3f}, end {values[-1]:.3f}")
        for n in (20, 50):
            at_random, covering = np.mean([cold_start(matrix, target, n, seed) for seed in range(given.seeds)], axis=0)
            print(f"  {n} first labels: accuracy {at_random:.3f} at random, {covering:.3f} by coverage")


if __name__ == "__main__":
    main()
