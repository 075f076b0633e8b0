"""Whether blocks of time have more or fewer rows than they had."""

import numpy as np

from mlsteward.drift import blocks
from mlsteward.drift.blocked_checks import BlockPlan
from mlsteward.drift.counts import Floats
from mlsteward.drift.evidence import Evidence, raise_gate

_LOG_RATIO_GATE = 1.5


def check_volume(plan: BlockPlan) -> Evidence | None:
    """Are there more or fewer rows per block of time? First and last blocks may be cut short and do not count."""
    keep = np.ones(len(plan.keys), dtype=bool)
    first, second = plan.numbers
    if first > 4:
        keep[[0, first - 1]] = False
    if second > 4:
        keep[[first, first + second - 1]] = False
    is_current = plan.is_current[keep]
    if plan.unit == "group" or min(is_current.sum(), (~is_current).sum()) < 2:
        return None
    counts = np.stack([plan.rows[keep].astype(np.float64), np.ones(int(keep.sum()))], axis=1)
    shuffles = blocks.shuffle_blocks(is_current, 0)
    before, after = float(counts[~is_current, 0].mean()), float(counts[is_current, 0].mean())
    windows = blocks.window_edges(int((~is_current).sum()), int(is_current.sum()))
    own = [_log_ratio(others, window) for others, window in blocks.between_windows(counts[~is_current], windows)]
    evidence = Evidence(
        column="",
        kind="row volume",
        p=blocks.permutation_p(counts, is_current, shuffles, _mean_gap),
        severity=abs(float(np.log(after / before))) / float(np.log(_LOG_RATIO_GATE)),
        measure="rate ratio",
        effect=after / before,
        gate=_LOG_RATIO_GATE,
        change=f"rows per block {before:.4g} → {after:.4g}",
    )
    return raise_gate(evidence, max(own, default=0.0))


def _mean_gap(reference: Floats, current: Floats) -> Floats:
    first = reference[:, 0] / np.maximum(reference[:, 1], 1)
    return np.abs(np.log(np.maximum(current[:, 0] / np.maximum(current[:, 1], 1), 1e-9) / np.maximum(first, 1e-9)))


def _log_ratio(others: Floats, window: Floats) -> float:
    return float(_mean_gap(others[None, :], window[None, :])[0] / np.log(_LOG_RATIO_GATE))
