"""Plots are small PNG files, one set per task."""

from pathlib import Path

import numpy as np
import pytest

from mlsteward.evaluation.curve import Curve, CurvePoint
from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.explanation_plots import draw_dependence
from mlsteward.evaluation.importance import Importance
from mlsteward.evaluation.plots import draw_importance, draw_plots
from mlsteward.evaluation.predictions import Predictions

LIMIT = 60_000


def classification(classes: list[str], n: int) -> tuple[np.ndarray, Predictions]:
    generator = np.random.default_rng(0)
    codes = generator.integers(0, len(classes), n)
    scores = generator.dirichlet(np.ones(len(classes)), n) + 0.5 * np.eye(len(classes))[codes]
    scores /= scores.sum(axis=1, keepdims=True)
    names = np.array(classes, dtype=object)
    return names[codes], Predictions(names[scores.argmax(axis=1)], scores, classes)


def check(folder: Path, names: list[str]) -> None:
    for name in names:
        content = (folder / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert 3000 < len(content) < LIMIT


@pytest.mark.parametrize(
    ("task", "classes", "expected"),
    [
        ("binary", ["no", "a very long name of a class"], ["curves.png", "confusion.png", "calibration.png"]),
        ("multiclass", [f"class {k}" for k in range(10)], ["confusion.png", "calibration.png"]),
        ("multiclass", [str(k) for k in range(40)], ["calibration.png"]),
    ],
)
def test_a_classification_gets_its_plots(tmp_path: Path, task: Task, classes: list[str], expected: list[str]) -> None:
    truth, predictions = classification(classes, 20_000)
    assert draw_plots(task, truth, predictions, tmp_path, target="price in $ or $$", threshold=0.4) == expected
    check(tmp_path, expected)


def test_a_regression_gets_its_residuals(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    truth = generator.gamma(2, 100, 50_000)
    predictions = Predictions(truth * 0.7 + 60 + generator.normal(size=50_000) * 40)
    assert draw_plots("regression", truth, predictions, tmp_path, target="price") == ["residuals.png"]
    check(tmp_path, ["residuals.png"])


def test_one_class_alone_gets_no_curves(tmp_path: Path) -> None:
    truth, predictions = classification(["no", "yes"], 200)
    alone = truth == "no"
    drawn = draw_plots("binary", truth[alone], predictions.take(alone), tmp_path, target="churn")
    assert drawn == ["confusion.png", "calibration.png"] or drawn == ["confusion.png"]


def test_importance_is_drawn_with_its_names(tmp_path: Path) -> None:
    found = [Importance([f"a column with a long name {k}", "its copy"], 0.3 / k, 0.01) for k in range(1, 25)]
    draw_importance(found, tmp_path / "importance.png", "roc_auc")
    check(tmp_path, ["importance.png"])


def test_a_model_that_says_one_thing_of_all_rows_is_drawn_though_its_bounds_are_rounded(tmp_path: Path) -> None:
    points = [CurvePoint(at=at, rows=50, value=0.1 + 0.2, low=0.3, high=0.3) for at in ("north", "south")]
    points.append(CurvePoint(at="west", rows=50, value=0.3, low=0.1 + 0.2, high=0.3))
    curve = Curve(column="region", averaged=150, ordered=False, points=points)
    draw_dependence([curve], tmp_path / "curves.png", "price")
    check(tmp_path, ["curves.png"])
