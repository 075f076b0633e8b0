"""The vocabulary of data contracts: what a check may ask, what came of it, and the contract that holds checks.

Types and operators follow the library metrics of the Open Data Contract Standard v3.1 (rowCount, nullValues,
missingValues, invalidValues, duplicateValues; mustBe, mustBeBetween, …). Its invalidValues is `enum` here where valid
values are listed, and `regex` where a pattern is given.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

from pydantic import ConfigDict, field_validator

from mlsteward.record import Record

CheckType = Literal[
    "row_count",
    "null_values",
    "missing_values",
    "duplicate_values",
    "enum",
    "regex",
    "range",
    "freshness",
    "relationship",
    "compare_to_baseline",
    "sql",
]
CHECK_TYPES: tuple[CheckType, ...] = get_args(CheckType)
Severity = Literal["info", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Operator = Literal[
    "must_be",
    "must_not_be",
    "must_be_greater_than",
    "must_be_greater_or_equal_to",
    "must_be_less_than",
    "must_be_less_or_equal_to",
    "must_be_between",
    "must_not_be_between",
]
Unit = Literal["", "rows", "percent", "minutes", "hours", "days"]
Measure = Literal["", "rows", "nulls", "distinct", "mean"]
Baseline = Literal["", "previous", "median"]
Mode = Literal["warn", "block"]
MODES: tuple[Mode, ...] = get_args(Mode)
Value = bool | int | float | str
# What every contract checks: that a version has its columns in their types, and that it has no others.
SCHEMA = "schema"
NEW_COLUMNS = "new columns"
MASKED = "masked"


class Check(Record):
    """One rule. A number is measured, and `operator` compares it with `threshold` (two numbers for between).

    What is measured, by type:

    - `row_count`: rows;
    - `null_values`, and `missing_values` (nulls, and the codes in `values`): rows without a value, in rows or percent;
    - `duplicate_values`: rows whose `columns` together occur again; rows with a null among them do not count;
    - `enum` (`values`), `regex` (RE2, found anywhere), `range` (`minimum` to `maximum`, unless exclusive, both in it)
      and `relationship` (`to_dataset.to_columns`): rows that fail, in rows or percent of those without nulls, which
      never fail;
    - `freshness`: the age of the newest value, or of the version where no column is named;
    - `compare_to_baseline`: how far a `measure` is from its `baseline`: in percent of it, absolute where the unit is
      "", and in percentage points for nulls;
    - `sql`: the rows it gives, in rows or percent of all; or the one number it gives, where the unit is "".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: CheckType
    columns: list[str] = []
    severity: Severity = "error"
    operator: Operator = "must_be"
    threshold: list[float] = [0.0]
    unit: Unit = "rows"
    values: list[Value] = []
    pattern: str = ""
    minimum: float | str | None = None
    maximum: float | str | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    to_dataset: str = ""
    to_columns: list[str] = []
    measure: Measure = ""
    baseline: Baseline = ""
    sql: str = ""

    @field_validator("pattern")
    @classmethod
    def _plain_slashes(cls, pattern: str) -> str:
        """Patterns are written between slashes, where `\\/` says `/`."""
        return re.sub(r"\\(.)", lambda pair: "/" if pair[1] == "/" else pair[0], pattern, flags=re.DOTALL)


class CheckResult(Record):
    """What came of a check on one version.

    `value` is what was measured, in the check's unit, and `expected` the check as text. `failing` of `total` rows fail.
    `skipped` says that it could not be judged (too little history), which counts as passed, and `error` what kept it
    from being run at all. `examples` are up to five rows that fail, with values as text; values of confidential and
    restricted columns are "masked" there.
    """

    check: str
    type: str
    column: str = ""
    severity: Severity
    passed: bool
    skipped: bool = False
    error: str = ""
    value: float | None = None
    expected: str
    failing: int = 0
    total: int = 0
    words: str
    examples: list[dict[str, str]] = []


class ContractColumn(Record):
    """A column that every version must have, and its DuckDB type."""

    name: str
    type: str


class Contract(Record):
    """What every new version of a dataset is held to.

    `columns` is its schema. In mode `block` a version that fails a check of severity error is kept aside.
    """

    dataset: str
    version: int = 0
    columns: list[ContractColumn] = []
    checks: list[Check] = []
    mode: Mode = "warn"
    actor: str = ""
    created: datetime | None = None

    @property
    def keys(self) -> list[list[str]]:
        """The columns that together have no value twice."""
        unique = [check for check in self.checks if check.type == "duplicate_values" and _none_fail(check)]
        return [check.columns for check in unique]

    @property
    def required(self) -> list[str]:
        """The columns without nulls."""
        return [check.columns[0] for check in self.checks if check.type == "null_values" and _none_fail(check)]

    @property
    def relationships(self) -> list[Check]:
        return [check for check in self.checks if check.type == "relationship"]


def _none_fail(check: Check) -> bool:
    return check.operator in ("must_be", "must_be_less_or_equal_to") and check.threshold == [0]


def broken(results: Sequence[CheckResult]) -> list[CheckResult]:
    """The checks of severity error that failed: what keeps a version aside in mode `block`."""
    return [result for result in results if not result.passed and result.severity == "error"]
