"""Areas under curves from weighted histograms of the scores, many resamples at a time.

A histogram has one cell per distinct score (or per quantile of the scores when there are many), lowest first, apart
for positives and negatives. Rows within a cell count as ties.
"""

import numpy as np

from mlsteward.evaluation.predictions import Floats, Integers


def score_cells(scores: Floats, positives: Floats, limit: int) -> tuple[Integers, int]:
    """The cell of each of n scores, and the number of cells: exact up to `limit` distinct scores, else quantiles.

    Half of the quantiles are those of the positives' scores, so that a rare class is resolved as well.
    """
    distinct, inverse = np.unique(scores, return_inverse=True)
    if len(distinct) <= limit:
        return inverse.astype(np.int64), len(distinct)
    levels = np.linspace(0, 1, limit // 2 + 1)[1:-1]
    chosen = scores[positives > 0] if np.any(positives > 0) else scores
    edges = np.unique(np.concatenate([np.quantile(scores, levels), np.quantile(chosen, levels)]))
    return np.searchsorted(edges, scores, side="right").astype(np.int64), len(edges) + 1


def roc_auc(positives: Floats, negatives: Floats) -> Floats:
    """(R,) areas under the ROC curve from (R, cells) weights; NaN where a class is absent.

    The Mann–Whitney statistic with ties counted half (Hanley & McNeil 1982).
    """
    below = np.cumsum(negatives, axis=1) - negatives / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (positives * below).sum(axis=1) / (positives.sum(axis=1) * negatives.sum(axis=1))


def average_precision(positives: Floats, negatives: Floats) -> Floats:
    """(R,) average precisions (the step-wise area under the precision–recall curve); NaN without positives.

    Davis & Goadrich 2006: no interpolation between operating points.
    """
    found = np.cumsum(positives[:, ::-1], axis=1)
    flagged = found + np.cumsum(negatives[:, ::-1], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(flagged > 0, found / flagged, 0.0)
        return (precision * positives[:, ::-1]).sum(axis=1) / positives.sum(axis=1)
