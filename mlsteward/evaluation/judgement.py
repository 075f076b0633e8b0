"""What an evaluation found, as models that travel from the worker to the server. Light to import."""

from mlsteward.record import Record

# Fewer independent units than this say nothing of how far a value may be off.
MINIMUM_UNITS = 8


class Score(Record):
    """A metric with its 95 % interval; no bounds where there are too few independent units."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


class Confusion(Record):
    """Weights of rows: true class down, predicted class across, both in the order of `classes`."""

    classes: list[str]
    counts: list[list[float]]
    threshold: float | None = None


class CalibrationBin(Record):
    """Rows with a probability in [low, high], its mean, and the share that came true."""

    low: float
    high: float
    predicted: float
    observed: float
    rows: int


class CalibrationScore(Record):
    """See `evaluation.calibration.Calibration`."""

    brier: float
    error: float
    plain_error: float
    noise: float
    about: str
    bins: list[CalibrationBin]


class WorstSlice(Record):
    """A slice that is worse than the slices it lies in, beyond chance."""

    conditions: list[str]
    rows: int
    loss: float
    low: float
    high: float
    parent_loss: float
    p: float
    score: Score


class NamedSlice(Record):
    """A part of a column that was asked for."""

    part: str
    rows: int
    units: int
    score: Score
    mean_truth: float | None = None
    mean_prediction: float | None = None


class Comparison(Record):
    """The model against another on rows that neither saw: first minus second, paired."""

    other: str
    metric: str
    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    rows: int
    units: int


class Judgement(Record):
    """How good a model is on rows that it did not see.

    `unit` names what is independent and `units` says how many there were. `mean_truth` and `mean_prediction` are the
    shares of the positive class, or means in the target's unit.
    """

    rows: int
    unit: str
    units: int
    scores: list[Score]
    confusion: Confusion | None = None
    calibration: CalibrationScore | None = None
    mean_truth: float | None = None
    mean_prediction: float | None = None
    worst: list[WorstSlice] = []
    searched: int = 0
    loss: float | None = None
    loss_name: str = ""
    named: list[NamedSlice] = []
    comparison: Comparison | None = None
    interval_level: float | None = None
    interval_coverage: float | None = None
    notes: list[str] = []

    def score(self, name: str) -> Score | None:
        return next((score for score in self.scores if score.name == name), None)
