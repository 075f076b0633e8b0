"""Windows held against their reference: one for all, or for each the same season a year before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from mlsteward.monitoring.baseline import Baseline, Floats, Losses, baseline_of, standardised
from mlsteward.monitoring.loss_window import LossWindow
from mlsteward.monitoring.report import FEWEST

# A year of whole weeks, so that weekdays meet the same, and how far the season goes around it.
_YEAR = timedelta(weeks=52)
_AROUND = timedelta(days=21)


@dataclass(frozen=True)
class Held:
    """The reference's own windows and (n,) later ones, in spreads above its mean; the later ones above its limit too.

    `baseline` is that of the last window, `seasonal` says how many windows have a season to be held against.
    """

    baseline: Baseline
    own: Floats
    above_mean: Floats
    above_limit: Floats
    seasonal: int = 0


def hold(
    reference: Sequence[LossWindow], later: Sequence[LossWindow], past: Sequence[LossWindow], tolerance: float
) -> Held:
    """Hold windows against a reference; where `past` has 30 of the same season a year before, against these."""
    common = baseline_of(Losses.of(reference), tolerance)
    own, losses = Losses.of(reference), Losses.of(later)
    each = [_of_season(window, past, tolerance) for window in later]
    baselines = [season or common for season in each]
    spread = np.array([one.spread(losses.rows[place])[0] for place, one in enumerate(baselines)])
    mean, limit = (np.array([getattr(one, name)[0] for one in baselines]) for name in ("mean", "limit"))
    return Held(
        baseline=baselines[-1],
        own=standardised(own, common.mean, common.spread(own.rows), common.correlation),
        above_mean=standardised(losses, mean, spread, common.correlation),
        above_limit=standardised(losses, limit, spread, common.correlation),
        seasonal=sum(one is not None for one in each),
    )


def _of_season(window: LossWindow, past: Sequence[LossWindow], tolerance: float) -> Baseline | None:
    middle = window.start - _YEAR
    same = [one for one in past if abs(one.start - middle) <= _AROUND]
    return baseline_of(Losses.of(same), tolerance) if len(same) >= FEWEST else None
