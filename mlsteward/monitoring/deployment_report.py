"""What a look at a deployment has found, as models that travel from the worker to the server. Light to import."""

from datetime import datetime
from typing import Literal

from mlsteward.drift.report import DriftReport
from mlsteward.evaluation.judgement import Score
from mlsteward.monitoring.report import LossReport
from mlsteward.record import Record

Health = Literal["alarm", "notice", "healthy", "not enough data", "no traffic"]
# The checks under which alerts on a deployment stand.
REALISED_LOSS = "realised loss"
ESTIMATED_LOSS = "estimated loss"
INPUT_DRIFT = "input drift"
PREDICTION_DRIFT = "prediction drift"
ERRORS = "errors"
LATENCY = "latency"
SEGMENT = "worst segment"


class Span(Record):
    """From `since` to before `until` in UTC: whole hours, before a fortnight ago whole days."""

    since: datetime
    until: datetime

    @property
    def hours(self) -> float:
        return (self.until - self.since).total_seconds() / 3600

    @property
    def words(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC"


class Traffic(Record):
    """What a model answered in a role: rows, those that failed, and how long it took in milliseconds."""

    model: str
    role: str
    rows: int
    errors: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class TrafficChange(Record):
    """The answers of the span beside those before it; p values are of the share of errors and of slow answers."""

    rows: int
    errors: int
    before_rows: int = 0
    before_errors: int = 0
    errors_p: float | None = None
    errors_rose: bool = False
    p95: float | None = None
    before_p95: float | None = None
    slower: bool = False
    words: str = ""


class Estimate(Record):
    """How good the model would be were its assumption true, before outcomes are known.

    `checked` is the same estimate on the held-out rows, beside what was measured there.
    """

    method: str
    assumption: str
    rows: int
    unit: str
    scores: list[Score] = []
    loss: float | None = None
    loss_then: float | None = None
    p: float | None = None
    worse: bool = False
    checked: str = ""
    why: str = ""


class Realised(Record):
    """How good a model was in a role, on the rows whose outcome is known.

    `worse` says that the mean loss is above that of the held-out rows, by one test of this span alone.
    """

    model: str
    role: str
    rows: int
    labelled: int
    unit: str
    units: int
    scores: list[Score] = []
    loss: float | None = None
    loss_then: float | None = None
    p: float | None = None
    worse: bool = False

    @property
    def coverage(self) -> float:
        """The share of rows whose outcome is known."""
        return self.labelled / self.rows if self.rows else 0.0


class SegmentChange(Record):
    """A part of the rows now against then: its share, its mean loss, and what both did to the mean loss of all rows.

    `mix` is what the change of its share did, `rate` what the change of its loss did; over the parts of one column
    they sum up to the change of the whole. `p` and `share_p` are adjusted for all segments searched.
    """

    segment: str
    columns: list[str]
    rows: int
    share_then: float
    share_now: float
    loss_then: float | None = None
    loss_now: float | None = None
    low: float | None = None
    high: float | None = None
    mix: float = 0.0
    rate: float = 0.0
    p: float | None = None
    share_p: float | None = None
    worse: bool = False
    moved: bool = False

    @property
    def contribution(self) -> float:
        return self.mix + self.rate


class Segments(Record):
    """Which segments moved, which became worse, and of what loss: measured, or estimated where outcomes lack."""

    basis: Literal["realised", "estimated"]
    loss_name: str
    searched: int
    loss_then: float | None = None
    loss_now: float | None = None
    worst_then: SegmentChange | None = None
    worst: list[SegmentChange] = []
    moved: list[SegmentChange] = []
    words: str = ""


class Point(Record):
    """One window of the series on the page; losses are means."""

    start: datetime
    rows: int
    errors: int
    p50: float | None = None
    p95: float | None = None
    labelled: int = 0
    loss: float | None = None
    estimated: float | None = None
    mean_prediction: float | None = None


class DeploymentReport(Record):
    """The whole answer about one deployment.

    `losses` are those that were measured, watched over time, and `estimated_losses` those that were expected.
    `primary` is the model that answers as champion, and `dataset` what it was trained on; drift, the estimate and
    segments are about it. `failing` are the checks that stand as alerts, the gravest first.
    """

    deployment: str
    health: Health
    span: Span | None = None
    primary: str = ""
    dataset: str = ""
    task: str = ""
    traffic: list[Traffic] = []
    change: TrafficChange | None = None
    drift: DriftReport | None = None
    estimate: Estimate | None = None
    realised: list[Realised] = []
    losses: LossReport | None = None
    estimated_losses: LossReport | None = None
    segments: Segments | None = None
    series: list[Point] = []
    failing: list[str] = []
    notices: list[str] = []
    notes: list[str] = []

    @property
    def made(self) -> list[str]:
        """The checks for which there was enough to see that they pass."""
        watched = self.losses is not None and self.losses.state != "not enough history"
        judged = self.drift is not None and self.drift.verdict != "not enough data"
        known = {
            REALISED_LOSS: watched,
            ESTIMATED_LOSS: self.estimate is not None and self.estimate.loss is not None,
            INPUT_DRIFT: judged,
            PREDICTION_DRIFT: judged,
            ERRORS: self.change is not None and self.change.rows > 0,
            LATENCY: self.change is not None and self.change.p95 is not None,
            SEGMENT: self.segments is not None,
        }
        return [check for check, there in known.items() if there]
