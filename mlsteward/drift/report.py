"""What a drift check says. Light, so that the server can read what a worker found."""

from typing import Literal

from mlsteward.record import Record

# A lone block is told of when it is so many times as far off as any window of the reference. Of 72 pairs of an ordinary
# day and a column of the flights none was further off than 1.3 times; distances in kilometres were 4.4 to 7.7 times.
STANDS_OUT = 2.0

Verdict = Literal["drift", "stable", "not enough data"]
CheckKind = Literal[
    "distribution", "nulls", "unseen categories", "out of range", "row volume", "schema", "joint distribution"
]


class Finding(Record):
    """One check of one column (or of the whole table: `column` is "").

    `effect` is in units of `measure` and matters from `gate` on; `severity` is the one over the other. `q` is `p`
    adjusted over all checks. `smallest` is the smallest effect that would have been seen with power 0.8, in units of
    `smallest_measure`. `change` says from what to what.
    """

    column: str
    kind: CheckKind
    window: str = ""
    measure: str = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    gate: float | None = None
    severity: float = 0.0
    p: float | None = None
    q: float | None = None
    drift: bool = False
    enough: bool = True
    why: str = ""
    smallest: float | None = None
    smallest_measure: str = ""
    change: str = ""
    stability_index: float | None = None


class ColumnReport(Record):
    """One column: its verdict, the finding that decides it, and in `also` what else drifted."""

    column: str
    verdict: Verdict
    main: Finding
    also: list[str] = []
    importance: float | None = None

    @property
    def stands_out(self) -> bool:
        """Whether its one block lies far outside what the reference's windows did: a reason to look, no proof."""
        return self.verdict == "not enough data" and bool(self.main.why) and self.main.severity >= STANDS_OUT


class WindowReport(Record):
    """One window of the current rows.

    `drifted` names the columns that did, and says what of the whole table; `why` says what there is too little of.
    """

    window: str
    rows: int
    verdict: Verdict
    drifted: list[str] = []
    why: str = ""


class DriftReport(Record):
    """The whole answer; `columns` come worst first."""

    verdict: Verdict
    sentence: str
    reference: str
    current: str
    reference_rows: int
    current_rows: int
    columns: list[ColumnReport] = []
    table: list[Finding] = []
    left_out: dict[str, str] = {}
    windows: list[WindowReport] = []
    assumption: str = ""
    checks: int = 0
    plot: str = ""

    @property
    def standing_out(self) -> list[ColumnReport]:
        return [column for column in self.columns if column.stands_out]
