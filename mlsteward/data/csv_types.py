"""Which types the texts of a delimited file stand for, decided on all rows and never on a sample alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlsteward.data.csv_kinds import NUMBER, TEXT, Kind, date_formats, date_kind, fixed_kinds
from mlsteward.data.engine import literal, quote, row_of

if TYPE_CHECKING:
    import duckdb

# What spreadsheets, R and Python write where a value is missing.
NULL_WORDS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "#DIV/0!", "#VALUE!", "#REF!")
SAMPLE_ROWS = 10_000
_BATCH = 25
# So many kinds are tested on all rows at first; more only where all of these fail there.
_FIRST = 2


@dataclass
class ColumnPlan:
    """How one column is read: the kinds it may still be of, those to try where none of them is left, and the choice."""

    name: str
    kinds: list[Kind]
    later: list[Kind] = field(default_factory=list[Kind])
    kind: Kind = TEXT
    keeps_words: bool = False
    notes: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        """SQL for the trimmed text, null where the cell is blank."""
        return f"nullif(trim({quote(self.name)}), '')"

    @property
    def filled(self) -> str:
        """SQL for the trimmed text, null where the cell says that it has no value."""
        return f"CASE WHEN NOT {_is_word(self.text)} THEN {self.text} END"

    @property
    def expression(self) -> str:
        if self.kind is TEXT:
            name = quote(self.name)
            kept = "true" if self.keeps_words else f"NOT {_is_word(self.text)}"
            return f"CASE WHEN {self.text} IS NOT NULL AND {kept} THEN {name} END"
        return self.kind.value.replace("§", f"({self.filled})")


def _is_word(text: str) -> str:
    # Not `IN`: the engine makes a join of a long list, and a hundred joins of a hundred columns.
    return f"regexp_full_match({text}, {literal('|'.join(NULL_WORDS))})"


def type_columns(
    connection: "duckdb.DuckDBPyConnection",
    source: str,
    names: Sequence[str],
    delimiter: str = ",",
    texts: Collection[str] = (),
) -> tuple[str, list[str]]:
    """A SELECT of `source` (all VARCHAR) with typed columns, and notes on what was read how.

    A sample rules kinds out; what is left is tested on every row, so a late odd value makes the column text instead of
    failing or being lost. Columns in `texts` are text already.
    """
    plans = [ColumnPlan(name, [] if name in texts else fixed_kinds(delimiter)) for name in names]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE csv_sample AS SELECT * FROM {source} LIMIT {SAMPLE_ROWS}")
    for batch in _batches(plans):
        _rule_out(connection, "csv_sample", batch)
    for plan in plans:
        if not plan.kinds and plan.name not in texts:
            plan.kinds = _date_kinds(connection, "csv_sample", plan)
    for plan in plans:
        plan.kinds, plan.later = plan.kinds[:_FIRST], plan.kinds[_FIRST:]
    for batch in _batches(plans):
        _decide(connection, source, batch)
    surprising = [plan for plan in plans if plan.kind is TEXT and plan.later]
    for plan in surprising:
        plan.kinds, plan.notes = plan.later, []
    for batch in _batches(surprising):
        _decide(connection, source, batch)
    connection.execute("DROP TABLE csv_sample")
    selected = ", ".join(f"{plan.expression} AS {quote(plan.name)}" for plan in plans)
    notes = [f"`{plan.name}` {note}." for plan in plans for note in plan.notes]
    return f"SELECT {selected} FROM {source}", notes


def _batches(plans: Sequence[ColumnPlan]) -> list[Sequence[ColumnPlan]]:
    return [plans[start : start + _BATCH] for start in range(0, len(plans), _BATCH)]


def _select(
    connection: "duckdb.DuckDBPyConnection", source: str, plans: Sequence[ColumnPlan], expressions: Sequence[str]
) -> list[int]:
    """One row of counts. The expressions see the filled text of the plan at position i as `x{i}`."""
    inner = ", ".join(
        f"{plan.filled} AS x{place}, {quote(plan.name)} AS raw{place}" for place, plan in enumerate(plans)
    )
    return [
        int(value or 0)
        for value in row_of(connection, f"SELECT {', '.join(expressions)} FROM (SELECT {inner} FROM {source})")
    ]


def _count(test: str, place: int) -> str:
    return f"count(*) FILTER ({test.replace('§', f'x{place}')})"


def _rule_out(connection: "duckdb.DuckDBPyConnection", sample: str, plans: Sequence[ColumnPlan]) -> None:
    tests = [_count(kind.test, place) for place, plan in enumerate(plans) for kind in plan.kinds]
    filled = [f"count(x{place})" for place, _ in enumerate(plans)]
    values = iter(_select(connection, sample, plans, [*filled, *tests]))
    counts = [next(values) for _ in plans]
    for plan, count in zip(plans, counts, strict=True):
        plan.kinds = [kind for kind, found in [(kind, next(values)) for kind in plan.kinds] if found == count]


def _date_kinds(connection: "duckdb.DuckDBPyConnection", sample: str, plan: ColumnPlan) -> list[Kind]:
    """The two readings of dates that are not ISO, each with the formats that occur in the sample."""
    kinds: list[Kind] = []
    few = f"(SELECT * FROM {sample} WHERE {plan.filled} IS NOT NULL LIMIT 50)"
    for day_first in (True, False):
        formats = date_formats(day_first=day_first)
        anything = date_kind(formats, day_first=day_first).test
        filled, dates = _select(connection, few, [plan], ["count(x0)", _count(anything, 0)])
        if not filled or dates < filled:
            continue
        tests = [_count(date_kind([each], day_first=day_first).test, 0) for each in formats]
        counts = _select(connection, sample, [plan], tests)
        found = [each for each, count in zip(formats, counts, strict=True) if count]
        kinds.append(date_kind(found, day_first=day_first))
    return kinds


def _decide(connection: "duckdb.DuckDBPyConnection", source: str, plans: Sequence[ColumnPlan]) -> None:
    """Test what is left on every row, and count what a person should hear of."""
    expressions: list[str] = []
    for place, plan in enumerate(plans):
        infinite = f"{NUMBER.test} AND isinf(TRY_CAST(§ AS DOUBLE))" if NUMBER in plan.kinds else "false"
        codes = "false" if plan.kinds else "NOT regexp_full_match(§, '[A-Z]{2}')"
        dots = "contains(§, '.')" if any(kind.name == "day_first" for kind in plan.kinds) else "false"
        words = f"count(nullif(trim(raw{place}), '')) - count(x{place})"
        expressions += [f"count(x{place})", words]
        expressions += [_count(test, place) for test in (infinite, codes, dots, *(kind.test for kind in plan.kinds))]
    values = iter(_select(connection, source, plans, expressions))
    for plan in plans:
        filled, words, infinite, no_codes, dots = (next(values) for _ in range(5))
        left = [kind for kind, count in [(kind, next(values)) for kind in plan.kinds] if count == filled]
        plan.later = plan.later if filled else []
        _choose(plan, left if filled else [], dots=dots)
        plan.keeps_words = plan.kind is TEXT and bool(filled) and not plan.kinds and not no_codes
        _note(plan, words, infinite)


def _choose(plan: ColumnPlan, left: Sequence[Kind], *, dots: int) -> None:
    if not left:
        return
    plan.kind = left[0]
    if plan.kind.note:
        plan.notes.append(plan.kind.note)
    if plan.kind.name == "day_first" and len(left) == 2:
        ordered = left if dots else left[::-1]
        plan.kind = ordered[0]
        if left[0].value != left[1].value:
            order = "day" if dots else "month"
            plan.notes.append(f"has dates that do not tell day from month; they were read with the {order} first")


def _note(plan: ColumnPlan, words: int, infinite: int) -> None:
    if words and plan.keeps_words:
        plan.notes.append(f"says NA in {words} cells, kept as a code among other two-letter codes")
    elif words and plan.kind is TEXT:
        plan.notes.append(f"says NA or the like in {words} cells, read as missing")
    if infinite and plan.kind is NUMBER:
        plan.notes.append(f"holds {infinite} numbers that are not finite; they became null")
