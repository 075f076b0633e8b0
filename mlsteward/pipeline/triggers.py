"""Whether a model is to be retrained now, from what is known of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mlsteward.pipeline.retrain_rules import RetrainRules, Trigger
from mlsteward.record import Record


class Situation(Record):
    """One model: when its newest version was trained, when its data was last new and by how many rows, when a
    retraining was last tried, and which alerts of its deployments stand open, in words, by the trigger they are for."""

    model: str
    trained: datetime
    data: str = ""
    data_since: datetime | None = None
    new_rows: int = 0
    tried: datetime | None = None
    alerts: dict[str, str] = {}


def why_retrain(situation: Situation, rules: RetrainRules, extra: Sequence[Trigger], now: datetime) -> str:
    """Why the model is to be retrained now, in words; "" when it is not.

    `extra` are triggers beside those of the rules. Nothing is retrained without data that is newer than the last try,
    so that a retraining that failed is not repeated on the same rows, and not within `rest_hours` of it.
    """
    on = {*rules.on, *extra}
    last = max(situation.trained, situation.tried or situation.trained)
    if not on or situation.data_since is None or situation.data_since <= last:
        return ""
    if now - last < timedelta(hours=rules.rest_hours):
        return ""
    for trigger in ("loss", "drift"):
        if trigger in on and trigger in situation.alerts:
            return f"{situation.alerts[trigger]}, and there is newer data: {situation.data}"
    if "new_data" in on and situation.new_rows >= rules.fewest_new_rows:
        return f"new data: {situation.data}, {situation.new_rows:+,} rows"
    if "schedule" in on and now - last >= timedelta(days=rules.every_days):
        return f"on schedule: {(now - last).days} days since the last training, on {situation.data}"
    return ""


def wants_data(situation: Situation, rules: RetrainRules, extra: Sequence[Trigger]) -> str:
    """The alert for which the model would be retrained, were there newer data; "" when there is none."""
    on = {*rules.on, *extra}
    last = max(situation.trained, situation.tried or situation.trained)
    if situation.data_since is not None and situation.data_since > last:
        return ""
    return next(
        (situation.alerts[trigger] for trigger in ("loss", "drift") if trigger in on & set(situation.alerts)), ""
    )
