"""Metrics that need only how often each class was predicted, was true, and both; many resamples at a time."""

import numpy as np

from mlsteward.evaluation.predictions import Floats


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return above / below


def class_metrics(hits: Floats, truth: Floats, predicted: Floats) -> dict[str, Floats]:
    """Accuracy, balanced accuracy and macro F1 from three (R, k) weights: predicted and true, true, predicted.

    Classes that do not occur are left out of the means; NaN without any weight.
    """
    recall = _ratio(hits, truth)
    present = truth > 0
    occurring = (truth + predicted) > 0
    f1 = np.where(occurring, _ratio(2 * hits, truth + predicted), 0.0)
    return {
        "accuracy": _ratio(hits.sum(axis=1), truth.sum(axis=1)),
        "balanced_accuracy": _ratio(np.where(present, recall, 0.0).sum(axis=1), present.sum(axis=1).astype(float)),
        "f1_macro": _ratio(f1.sum(axis=1), occurring.sum(axis=1).astype(float)),
    }


def binary_metrics(hits: Floats, truth: Floats, predicted: Floats) -> dict[str, Floats]:
    """Precision, recall, F1 and Matthews' correlation of the second class from three (R, 2) weights.

    NaN where undefined: precision when nothing was flagged, recall without positives, Matthews' correlation
    (Matthews 1975) when a margin is empty.
    """
    tn, tp = hits[:, 0], hits[:, 1]
    fn, fp = truth[:, 1] - tp, truth[:, 0] - tn
    margins = truth[:, 0] * truth[:, 1] * predicted[:, 0] * predicted[:, 1]
    return {
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "precision": _ratio(tp, predicted[:, 1]),
        "recall": _ratio(tp, truth[:, 1]),
        "mcc": _ratio(tp * tn - fp * fn, np.sqrt(margins)),
    }
