"""What is known of a table without reading it again: one profile per column, computed once per version."""

from typing import Literal

from pydantic import BaseModel

from mlsteward.errors import NotFound

Family = Literal["number", "text", "time", "boolean", "other"]

QUANTILES = (0.005, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.995)

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = (*_INTEGERS, *(f"U{name}" for name in _INTEGERS), "FLOAT", "DOUBLE", "DECIMAL")
_TEXTS = ("VARCHAR", "ENUM", "UUID")


class TopValue(BaseModel):
    """A frequent value, as text."""

    value: str
    count: int


class Bin(BaseModel):
    """A bar of a histogram: values from `low` (included) to `high` (included in the last bar only)."""

    low: float
    high: float
    count: int


class ColumnProfile(BaseModel):
    """One column. Numbers of times are seconds since 1970 (UTC); `minimum` and `maximum` of times are text."""

    name: str
    type: str
    family: Family
    rows: int
    nulls: int = 0
    distinct: int = 0
    distinct_exact: bool = True
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    sd: float | None = None
    quantiles: dict[str, float] = {}
    top: list[TopValue] = []
    histogram: list[Bin] = []
    warnings: list[str] = []


class TableProfile(BaseModel):
    """All columns of a table, in its order."""

    rows: int
    columns: list[ColumnProfile]

    def column(self, name: str) -> ColumnProfile:
        """The profile of a column, by its name in any case."""
        folded = name.strip().casefold()
        for column in self.columns:
            if column.name.casefold() == folded:
                return column
        from rapidfuzz.process import extract

        close = [found for found, *_ in extract(name, [column.name for column in self.columns], score_cutoff=60)]
        raise NotFound(f"There is no column {name!r}.", close=close)


def type_family(duckdb_type: str) -> Family:
    """The family of a DuckDB type."""
    base = duckdb_type.upper().split("(")[0]
    if base.endswith("]"):
        return "other"
    if base in _NUMBERS:
        return "number"
    if base in _TEXTS:
        return "text"
    if base == "BOOLEAN":
        return "boolean"
    return "time" if base.startswith(("TIMESTAMP", "DATE")) else "other"
