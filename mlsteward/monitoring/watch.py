"""Watching the losses of a deployment: what they are held against, whether they crossed it, and since when."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mlsteward.monitoring.loss_window import LossWindow
from mlsteward.monitoring.report import LossReport


def watch_losses(
    windows: Sequence[LossWindow],
    *,
    every: timedelta,
    budget_days: float,
    reference: Sequence[LossWindow] = (),
    tolerance: float = 0.05,
    season: bool = False,
    since: datetime | None = None,
) -> LossReport:
    """What the losses say, all windows in the order of time; those without outcomes are left out.

    `reference` are windows that the model was judged on before it was deployed; without them the first 30 windows are
    the reference. Windows that ended before `since` raise no alarm. Stateless: as outcomes come late, old windows
    change, and the whole sequence is judged anew each time.
    """
    raise NotImplementedError(windows, every, budget_days, reference, tolerance, season, since)
