"""What a gate found of a model that is to be promoted."""

from typing import Any, Literal, get_args

from mlsteward.record import Record

Outcome = Literal["passed", "failed", "warned", "not comparable", "cannot tell", "not applicable"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
# Outcomes that say neither yes nor no: the policy says what follows from them.
UNDECIDED: tuple[Outcome, ...] = ("not comparable", "cannot tell")


class GateResult(Record):
    """One gate, in one sentence and in numbers.

    `value` with its bounds `low` and `high` is what was measured, `limit` what it was held against. `evidence` is small
    and holds no value of a column that not everybody may see. `blocks` says that the promotion is refused for it.
    """

    gate: str
    outcome: Outcome
    words: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    evidence: dict[str, Any] = {}
    blocks: bool = False
