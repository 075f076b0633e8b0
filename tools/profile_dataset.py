"""The tool `profile_dataset`."""

from pydantic import Field

from mlsteward.answer import Answer, cell, counted, fitting, number, table
from mlsteward.data.profile import ColumnProfile, moment
from mlsteward.dictionary.sensitivity import masked_words
from mlsteward.errors import InvalidArgument
from mlsteward.record import Record
from mlsteward.server.declare import Call, Tool
from mlsteward.store.datasets import find_dataset

_ROOM = 7_000
_LOOKED_AT = 300
_DETAILED = 4
_TOP = 8
_CELL = 40
_WARNING = 70
_KEPT = {"rows", "nulls", "distinct", "distinct_exact", "minimum", "maximum", "warnings", "masked"}


class ColumnLine(Record):
    column: str
    type: str
    nulls: float | None = Field(default=None, description="Share of rows without a value.")
    distinct: int | None = None
    range: str = ""
    warnings: list[str] = []


class ColumnDetail(Record):
    column: str
    rows: int
    nulls: int
    distinct: int
    distinct_exact: bool
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | str | None = None
    sd: float | None = None
    quantiles: dict[str, float | str] = {}
    top: dict[str, int] = Field(default={}, description="Frequent values and their counts.")
    histogram: list[int] = Field(default=[], description="Counts in bars from minimum to maximum.")
    edges: list[float | str] = Field(default=[], description="Where the bars begin, and the last ends.")
    warnings: list[str] = []
    masked: str = Field(default="", description="The level that your clearance does not reach.")


class ProfileAnswer(Answer):
    dataset: str
    rows: int
    columns_total: int
    columns: list[ColumnLine] = Field(default_factory=list[ColumnLine])
    details: list[ColumnDetail] = Field(default_factory=list[ColumnDetail])
    page: str = Field(description="All columns in full: read_page(uri=page).")

    def body(self) -> list[str]:
        rows = [
            (
                one.column,
                one.type,
                "" if one.nulls is None else f"{one.nulls:.1%}",
                one.distinct,
                one.range,
                "; ".join(one.warnings),
            )
            for one in self.columns
        ]
        more = self.columns_total - len(self.columns)
        return [
            *table(("column", "type", "null", "distinct", "range", "warnings"), rows),
            f"and {counted(more, 'more column')} at {self.page}" if more > 0 and self.columns else "",
            *(line for one in self.details for line in _lines(one)),
        ]


def profile_dataset(call: Call, dataset: str, columns: list[str] = []) -> ProfileAnswer:
    """Describe a registered dataset column by column: type, nulls, distinct values, range, warnings.

    Name columns (at most 4 at a time) for their quantiles, frequent values and histogram.
    """
    version = call.workspace.store.read(lambda transaction: find_dataset(transaction, dataset, rows=False))
    if len(columns) > _DETAILED:
        raise InvalidArgument(f"Name at most {_DETAILED} columns at a time; there are {len(columns)}.")
    profile = version.profile
    wanted = [profile.column(name) for name in columns]
    warned = sum(bool(column.warnings) for column in profile.columns)
    lines = [] if wanted else _first(profile.columns)
    size = f"{counted(version.rows, 'row')}, {counted(len(profile.columns), 'column')}"
    return ProfileAnswer(
        verdict=f"{version.label}: {size}, {warned} with warnings.",
        dataset=version.label,
        rows=version.rows,
        columns_total=len(profile.columns),
        columns=lines,
        details=[_detail(column) for column in wanted],
        page=f"mlsteward://datasets/{version.label}",
        next=f'lookup_data_dictionary(dataset="{version.name}")'
        if wanted
        else f'profile_dataset(dataset="{version.label}", columns=["{profile.columns[0].name}"])',
    )


def _first(columns: list[ColumnProfile]) -> list[ColumnLine]:
    """As many columns as fit, in their order; where not all do, those with warnings come first."""
    lines = [_line(column) for column in columns[:_LOOKED_AT]]
    kept = fitting(lines, _ROOM)
    if len(kept) == len(columns):
        return kept
    chosen = {line.column for line in fitting(sorted(lines, key=lambda line: not line.warnings), _ROOM)}
    return [line for line in lines if line.column in chosen]


def _line(column: ColumnProfile) -> ColumnLine:
    if column.masked:
        words = masked_words(column.masked)
        return ColumnLine(column=column.name[:_CELL], type=column.type, range=words)
    has_range = column.family in ("number", "time") and column.minimum is not None
    values = (
        f"{_end(column.minimum)} … {_end(column.maximum)}"
        if has_range
        else ", ".join(top.value[:12] for top in column.top[:3])
    )
    return ColumnLine(
        column=column.name[:_CELL],
        type=column.type,
        nulls=round(column.nulls / max(column.rows, 1), 4),
        distinct=column.distinct,
        range=values[:_CELL],
        warnings=[warning[:_WARNING] for warning in column.warnings[:2]],
    )


def _end(value: float | str | None) -> str:
    return value.removesuffix(" 00:00:00") if isinstance(value, str) else number(value)


def _detail(column: ColumnProfile) -> ColumnDetail:
    bins = column.histogram
    ends = [bar.low for bar in bins] + ([bins[-1].high] if bins else [])
    return ColumnDetail(
        column=column.name,
        **column.model_dump(include=_KEPT),
        mean=None if column.mean is None else _shown(column.mean, column, 6),
        sd=None if column.sd is None or column.family == "time" else float(f"{column.sd:.6g}"),
        quantiles={name: _shown(value, column, 6) for name, value in column.quantiles.items()},
        top={top.value[:_CELL]: top.count for top in column.top[:_TOP]},
        histogram=[bar.count for bar in bins],
        edges=[_shown(end, column, 4) for end in ends],
    )


def _shown(value: float, column: ColumnProfile, digits: int) -> float | str:
    """A statistic with as many digits as are read; of a time, which is kept as seconds, the moment itself."""
    if column.family == "time":
        return moment(value)[: len("2024-05-31") if column.type == "DATE" else None]
    return float(f"{value:.{digits}g}")


def _lines(one: ColumnDetail) -> list[str]:
    if one.masked:
        return [f"{one.column}: {masked_words(one.masked)}"]
    spread = f", mean {cell(one.mean)}" if one.mean is not None else ""
    spread += f", sd {cell(one.sd)}" if one.sd is not None else ""
    about = "" if one.distinct_exact else "about "
    highest = max(one.histogram, default=0)
    bars = (
        "".join("▁▂▃▄▅▆▇█"[round(7 * count / highest)] if count else " " for count in one.histogram) if highest else ""
    )
    return [
        (
            f"{one.column}: {one.nulls:,} of {one.rows:,} null, {about}{one.distinct:,} distinct, "
            f"{cell(one.minimum)} … {cell(one.maximum)}{spread}"
        ),
        "  quantiles: " + ", ".join(f"{name}: {cell(value)}" for name, value in one.quantiles.items())
        if one.quantiles
        else "",
        "  frequent: " + ", ".join(f"{value} ({count:,})" for value, count in one.top.items()) if one.top else "",
        f"  histogram: {bars}" if bars else "",
        *(f"  warning: {warning}" for warning in one.warnings),
    ]


TOOL = Tool(profile_dataset, title="Profile a dataset", toolset="data", read_only=True, idempotent=True)
