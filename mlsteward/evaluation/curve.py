"""How a prediction moves with a column, as models that travel from the worker to the server. Light to import."""

from mlsteward.answer import counted, number
from mlsteward.evaluation.directions import Task
from mlsteward.record import Record

FEW_ROWS = 10
_SHOWN = 6


class CurvePoint(Record):
    """The mean prediction with the column set to `at`, which `rows` rows of the data are nearest to.

    Between `low` and `high` lie eight in ten of the single rows' predictions.
    """

    at: str
    rows: int
    value: float
    low: float
    high: float


class Curve(Record):
    """The partial dependence on `column`, averaged over `averaged` rows.

    `together` are near-copies of the column that were moved along; `outcome` is the class whose probability it is, ""
    for regression; `ordered` says that the points lie along numbers or times.
    """

    column: str
    together: list[str] = []
    outcome: str = ""
    averaged: int
    ordered: bool
    points: list[CurvePoint]

    @property
    def ends(self) -> tuple[CurvePoint, CurvePoint]:
        """The points of the lowest and of the highest mean prediction; those with few rows only where all have few."""
        told = [point for point in self.points if point.rows >= FEW_ROWS] or self.points
        return min(told, key=lambda point: point.value), max(told, key=lambda point: point.value)


def curve_words(curve: Curve, task: Task, target: str) -> str:
    """`the probability of yes goes from 0.12 at dep_delay 0 to 0.83 at 61`."""
    lowest, highest = curve.ends
    what = f"the mean {target}" if task == "regression" else f"the probability of {curve.outcome}"
    along = f" (with {', '.join(curve.together)})" if curve.together else ""
    if lowest.value == highest.value:
        return f"{what} does not depend on {curve.column}{along}"
    ends = (
        f"{number(lowest.value, 3)} at {curve.column} {lowest.at}{along} to {number(highest.value, 3)} at {highest.at}"
    )
    return f"{what} goes from {ends}"


def curve_findings(curve: Curve, task: Task, target: str) -> list[str]:
    """The curve in words, then its points with the rows behind each."""
    points = curve.points
    if len(points) > _SHOWN:
        kept = {round(place * (len(points) - 1) / (_SHOWN - 1)) for place in range(_SHOWN)}
        points = [point for place, point in enumerate(points) if place in kept]
    told = "; ".join(
        f"{point.at}: {number(point.value, 3)} ({counted(point.rows, 'row')}{', few' if point.rows < FEW_ROWS else ''})"
        for point in points
    )
    return [curve_words(curve, task, target), f"- {told}"]
