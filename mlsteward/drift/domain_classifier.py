"""Can a model tell reference rows from current ones? It sees what no column shows by itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier

from mlsteward.drift import blocks
from mlsteward.drift.counts import Floats, Integers
from mlsteward.drift.evidence import Evidence, Smallest
from mlsteward.drift.multiplicity import cauchy_combination
from mlsteward.drift.numeric import mann_whitney
from mlsteward.drift.power import smallest_area

AUC_GATE = 0.55
_RELEVANT_AUC = 0.6
_PERMUTATIONS = 9999
_SHOWN = 3
_FEWEST = 50


@dataclass(frozen=True)
class Mixture:
    """(n, k) numbers (categories as codes, NaN for missing), (n,) whether current, and (n,) block of each row."""

    columns: list[str]
    values: Floats
    is_current: NDArray[np.bool_]
    block: Integers


def tell_apart(mixture: Mixture, *, seed: int, blocked: bool, explain: bool = True) -> Evidence:
    """Fit a classifier on one half of the rows (of the blocks) and try it on the other, both ways.

    Rows of the half it was tried on played no part in the fit, so its p is honest: Mann and Whitney's on the scores,
    or one by shuffling whole blocks (Lopez-Paz and Oquab 2017, with cross-fitting). To `explain` names the columns
    that the classifier needed.
    """
    random = np.random.default_rng(seed)
    units = np.unique(np.stack([mixture.is_current, mixture.block]), axis=1, return_inverse=True)[1].reshape(-1)
    half = _halves(units if blocked else np.arange(len(units)), mixture.is_current, random)
    p_values: list[float] = []
    areas: list[float] = []
    importance = np.zeros(len(mixture.columns))
    for fold in (half, ~half):
        model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, random_state=seed)
        model.fit(mixture.values[~fold], mixture.is_current[~fold])
        scores = model.predict_proba(mixture.values[fold])[:, 1]
        is_current = mixture.is_current[fold]
        areas.append(area(scores, is_current))
        p_values.append(_blocked_p(scores, is_current, units[fold], seed) if blocked else _row_p(scores, is_current))
        if explain:
            importance += _losses(model, mixture.values[fold], is_current, areas[-1], random)
    found = float(np.mean(areas))
    tried = int((half & ~mixture.is_current).sum()), int((half & mixture.is_current).sum())

    def power(level: float) -> Smallest:
        smallest = smallest_area(*tried, level)
        return Smallest(smallest, "AUC", smallest <= _RELEVANT_AUC)

    names = [mixture.columns[place] for place in np.argsort(-importance)[:_SHOWN] if importance[place] > 0.005]
    return Evidence(
        column="",
        kind="joint distribution",
        p=cauchy_combination(p_values),
        severity=max(0.0, found - 0.5) / (AUC_GATE - 0.5),
        measure="AUC",
        effect=found,
        gate=AUC_GATE,
        change="a classifier tells the rows apart" + (f", mostly by {', '.join(names)} together" if names else ""),
        power=power,
    )


def own_severity(mixture: Mixture, windows: list[NDArray[np.int64]], *, seed: int) -> float:
    """The largest severity of telling a window (its blocks) of the reference from the rest of it."""
    inside = ~mixture.is_current
    values, block = mixture.values[inside], mixture.block[inside]
    found = [0.0]
    for window in windows:
        part = Mixture(mixture.columns, values, np.isin(block, window), block)
        if min(part.is_current.sum(), (~part.is_current).sum()) >= _FEWEST:
            found.append(tell_apart(part, seed=seed, blocked=True, explain=False).severity)
    return max(found)


def area(scores: Floats, is_current: NDArray[np.bool_]) -> float:
    """The area under the ROC curve."""
    ranks = rankdata(scores)
    m = int(is_current.sum())
    return float((ranks[is_current].sum() - m * (m + 1) / 2) / (m * (len(scores) - m)))


def _halves(units: Integers, is_current: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.bool_]:
    """(n,) whether a row is in the first half: half of the units of either sample."""
    chosen: list[Integers] = []
    for side in (False, True):
        own = np.unique(units[is_current == side])
        chosen.append(random.permutation(own)[: (len(own) + 1) // 2])
    return np.isin(units, np.concatenate(chosen))


def _row_p(scores: Floats, is_current: NDArray[np.bool_]) -> float:
    values, places = np.unique(scores, return_inverse=True)
    first = np.bincount(places[~is_current], minlength=len(values)).astype(np.int64)
    second = np.bincount(places[is_current], minlength=len(values)).astype(np.int64)
    above = area(scores, is_current) > 0.5
    return mann_whitney(first, second) / 2 if above else 1.0


def _blocked_p(scores: Floats, is_current: NDArray[np.bool_], units: Integers, seed: int) -> float:
    _, places = np.unique(units, return_inverse=True)
    sums = np.bincount(places, rankdata(scores) / len(scores))
    counts: Floats = np.stack([sums, np.bincount(places)], axis=1).astype(np.float64)
    side = np.zeros(len(sums), dtype=bool)
    side[places[is_current]] = True
    shuffles = blocks.shuffle_blocks(side, seed, _PERMUTATIONS)
    return blocks.permutation_p(counts, side, shuffles, _mean_gap)


def _mean_gap(reference: Floats, current: Floats) -> Floats:
    return current[:, 0] / np.maximum(current[:, 1], 1) - reference[:, 0] / np.maximum(reference[:, 1], 1) + 1


def _losses(
    model: HistGradientBoostingClassifier,
    values: Floats,
    is_current: NDArray[np.bool_],
    whole: float,
    random: np.random.Generator,
) -> Floats:
    """(k,) how much area is lost when a column is shuffled."""
    lost = np.zeros(values.shape[1])
    for place in range(values.shape[1]):
        shuffled = values.copy()
        shuffled[:, place] = random.permutation(shuffled[:, place])
        lost[place] = whole - area(model.predict_proba(shuffled)[:, 1], is_current)
    return lost
