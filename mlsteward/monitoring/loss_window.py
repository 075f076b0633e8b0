"""What a detector is told of a window: how many outcomes are known, and how wrong the model was on them."""

from datetime import datetime

from mlsteward.record import Record


class LossWindow(Record):
    """The losses of the rows predicted from `start` to before `end`, as sums: two windows add up to one.

    `rows` are those whose outcome is known, `total` the sum of their losses and `squares` that of their squares. Any
    loss will do that is never negative and worse when larger: 0 and 1 for right and wrong, the Brier score, absolute
    or squared errors.
    """

    start: datetime
    end: datetime
    rows: int
    total: float
    squares: float

    @property
    def loss(self) -> float:
        """The mean loss; rows are at least 1."""
        return self.total / self.rows

    def __add__(self, other: "LossWindow") -> "LossWindow":
        return LossWindow(
            start=min(self.start, other.start),
            end=max(self.end, other.end),
            rows=self.rows + other.rows,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )
