"""What watching the losses of a deployment has found."""

from datetime import datetime
from typing import Literal

from mlsteward.record import Record

FEWEST = 30
"""So many windows a reference has: with fewer the spread between them is hardly known."""
LossState = Literal["not enough history", "steady", "notice", "alarm"]


class Reference(Record):
    """What the losses are held against: `limit` is the upper 99 % bound of the mean, and the tolerance on top."""

    windows: int
    rows: int
    mean: float
    upper: float
    tolerance: float
    limit: float
    spread: float
    season: bool = False


class LossReport(Record):
    """`evidence` against "no worse than the reference": an alarm is raised where it reaches `threshold`.

    `alarmed` is the end of the window that did, `since` the start of the window from which on the losses seem to be
    higher, with the mean losses `before` and `after` it. `words` is one sentence. An alarm says that losses are above
    the limit; a notice that they rose, whether or not they crossed it, by a detector with a budget of its own.
    """

    state: LossState
    words: str
    windows: int = 0
    reference: Reference | None = None
    evidence: float = 0.0
    threshold: float = 0.0
    alarmed: datetime | None = None
    since: datetime | None = None
    before: float | None = None
    after: float | None = None
