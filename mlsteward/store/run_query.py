"""Finding runs by filter and order, in parametrised SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlsteward.errors import InvalidArgument, InvalidFilter
from mlsteward.evaluation.directions import greater_is_better
from mlsteward.store.fields import Field, read_field
from mlsteward.store.filters import Combined, Comparison, Filter, Not, Value, fields_of, parse_filter
from mlsteward.store.masked_sql import seen_runs
from mlsteward.store.run_fields import check_fields
from mlsteward.store.runs import RunCounts, count_runs
from mlsteward.store.transaction import Transaction


@dataclass(frozen=True)
class RunQuery:
    """Which runs, in which order. Blank fields do not restrict; without an order the newest come first."""

    where: str = ""
    order_by: str = ""
    kind: str = ""
    state: str = ""
    name: str = ""

    @property
    def restricts(self) -> bool:
        """Whether it asks for less than all runs of the kind."""
        return bool(self.where.strip() or self.state or self.name)

    def filter(self) -> Filter | None:
        return parse_filter(self.where)

    def order(self) -> tuple[Field, bool] | None:
        """The field to sort by and whether descending: metrics best first, times newest first."""
        words = self.order_by.split()
        if not words:
            return None
        minus = words[0].startswith("-")
        direction = words[1].lower() if len(words) > 1 else "desc" if minus else ""
        if len(words) > 2 or direction not in ("", "asc", "desc"):
            raise InvalidArgument(
                f"order_by={self.order_by!r} is no order: name one field, as in `roc_auc`, `created asc` or"
                " `params.depth desc`; a metric alone means best first."
            )
        field = read_field(words[0].lstrip("-"))
        return field, direction == "desc" if direction else _descends(field)

    def fields(self) -> list[Field]:
        """The fields it mentions, those it sorts by first."""
        order = self.order()
        mentioned = [read_field(written) for written in fields_of(self.filter())]
        return list(dict.fromkeys([*([order[0]] if order else []), *mentioned]))


@dataclass(frozen=True)
class Found:
    """The numbers of the runs on this page, how many match in all, the newest run when the list began, all runs."""

    numbers: list[int]
    total: int
    newest: int
    counts: RunCounts


def find_runs(t: Transaction, query: RunQuery, *, limit: int, offset: int = 0, newest: int = 0) -> Found:
    """The runs that match. With `newest`, later runs do not count, so that pages do not shift.

    Raises InvalidFilter or InvalidArgument when the filter or the order cannot be read.
    """
    counts = count_runs(t)
    runs = seen_runs(t.masks)
    if counts.newest:
        check_fields(t, query.fields(), query.kind)
    compiler = _Compiler()
    condition = compiler.condition(query, newest or counts.newest)
    if newest or query.restricts:
        row = t.row(f"SELECT count(*) FROM {runs} AS r {compiler.joins} WHERE {condition}", compiler.parameters)
        total = row[0] if row else 0
    else:
        total = counts.of(query.kind)
    ordering = compiler.ordering(query.order())
    numbers = t.rows(
        f"SELECT r.number FROM {runs} AS r {compiler.joins} WHERE {condition} ORDER BY {ordering} LIMIT ? OFFSET ?",
        [*compiler.parameters, limit, offset],
    )
    return Found([number for (number,) in numbers], total, newest or counts.newest, counts)


def filter_runs(
    t: Transaction,
    among: str,
    values: Sequence[object],
    where: Filter | None,
    order: Sequence[tuple[Field, bool]],
    *,
    limit: int,
    offset: int,
) -> list[int]:
    """The numbers of the runs that match, of those that the SELECT `among` gives for its parameters `values`."""
    compiler = _Compiler()
    condition = compiler.among(among, values, where)
    ordering = ", ".join([*(compiler.sorting(*one) for one in order), "r.number DESC"])
    numbers = t.rows(
        f"SELECT r.number FROM {seen_runs(t.masks)} AS r {compiler.joins} WHERE {condition}"
        f" ORDER BY {ordering} LIMIT ? OFFSET ?",
        [*compiler.parameters, limit, offset],
    )
    return [number for (number,) in numbers]


def _descends(field: Field) -> bool:
    if field.kind == "metric":
        return greater_is_better(field.name)
    return field.kind == "time" or field.name == "number"


class _Compiler:
    """Builds the joins and conditions of one query; names and values go in as parameters only."""

    def __init__(self) -> None:
        self._joined: dict[Field, str] = {}
        self._join_values: list[object] = []
        self._values: list[object] = []
        self._order_values: list[object] = []

    @property
    def joins(self) -> str:
        return " ".join(
            f"LEFT JOIN (SELECT run, value FROM latest_metrics WHERE split = ? AND name = ?) AS {alias}"
            f" ON {alias}.run = r.number"
            for alias in self._joined.values()
        )

    @property
    def parameters(self) -> list[object]:
        """In the order of the statement: joins, conditions, order."""
        return [*self._join_values, *self._values, *self._order_values]

    def condition(self, query: RunQuery, newest: int) -> str:
        parts = ["r.number <= ?"]
        self._values.append(newest)
        for column, value in (("kind", query.kind), ("state", query.state), ("name", query.name)):
            if value:
                parts.append(f"r.{column} = ?")
                self._values.append(value)
        if (found := query.filter()) is not None:
            parts.append(self._compile(found))
        return " AND ".join(parts)

    def among(self, select: str, values: Sequence[object], where: Filter | None) -> str:
        self._values += values
        chosen = f"r.number IN ({select})"
        return f"{chosen} AND {self._compile(where)}" if where is not None else chosen

    def ordering(self, order: tuple[Field, bool] | None) -> str:
        return f"{self.sorting(*order)}, r.number DESC" if order else "r.number DESC"

    def sorting(self, field: Field, descends: bool) -> str:
        direction = "DESC" if descends else "ASC"
        if field.kind == "metric":
            sorted_by = [f"{self._metric(field)}.value"]
        elif field.kind in ("param", "tag"):
            # Numbers among parameters sort as numbers, before texts.
            text, values = _looked_up(field)
            self._order_values += [*values, *values]
            sorted_by = [f"TRY_CAST({text} AS DOUBLE)", text]
        else:
            sorted_by = [f"r.{field.name}"]
        return ", ".join(f"{one} {direction} NULLS LAST" for one in sorted_by)

    def _compile(self, found: Filter) -> str:
        if isinstance(found, Not):
            return f"(NOT {self._compile(found.part)})"
        if isinstance(found, Combined):
            return "(" + f" {found.word.upper()} ".join(self._compile(part) for part in found.parts) + ")"
        return self._comparison(found)

    def _comparison(self, found: Comparison) -> str:
        field = read_field(found.field)
        values = _read_values(field, found)
        left = self._left(field, values)
        if found.operator in ("is null", "is not null"):
            return f"({left} {found.operator.upper()})"
        if field.name == "dataset" and field.kind == "text":
            return self._dataset(found, values)
        self._values += values
        if found.operator in ("in", "not in"):
            return f"({left} {found.operator.upper()} ({', '.join('?' for _ in values)}))"
        return f"({left} {found.operator.upper()} ?)"

    def _dataset(self, found: Comparison, values: list[object]) -> str:
        """`dataset = 'flights'` means any of its versions."""
        if found.operator not in ("=", "!=", "in", "not in"):
            self._values += values
            return f"(r.dataset {found.operator.upper()} ?)"
        parts: list[str] = []
        for value in values:
            parts.append("r.dataset = ?" if "@" in str(value) else "split_part(r.dataset, '@', 1) = ?")
            self._values.append(str(value).removeprefix("dataset:"))
        joined = "(" + " OR ".join(parts) + ")"
        return joined if found.operator in ("=", "in") else f"(r.dataset <> '' AND NOT {joined})"

    def _left(self, field: Field, values: list[object]) -> str:
        if field.kind == "metric":
            return f"{self._metric(field)}.value"
        if field.kind not in ("param", "tag"):
            return f"r.{field.name}"
        text, looked_up = _looked_up(field)
        self._values += looked_up
        numeric = bool(values) and not isinstance(values[0], str)
        return f"TRY_CAST({text} AS DOUBLE)" if numeric else text

    def _metric(self, field: Field) -> str:
        key = Field("", "metric", field.name, field.split)
        if key not in self._joined:
            self._joined[key] = f"m{len(self._joined)}"
            self._join_values += [field.split, field.name]
        return self._joined[key]


def _looked_up(field: Field) -> tuple[str, list[object]]:
    """A parameter's or tag's text: under its whole name, else, for `a.b`, inside an object `a`."""
    column = "r.params" if field.kind == "param" else "r.tags"
    names = [_pointer(field.name)]
    if "." in field.name:
        names.append("".join(_pointer(part) for part in field.name.split(".")))
    looked_up = ", ".join(f"json_extract_string({column}, ?)" for _ in names)
    return (f"coalesce({looked_up})" if len(names) > 1 else looked_up), [*names]


def _pointer(name: str) -> str:
    """A JSON pointer (RFC 6901) to a member of that name."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _read_values(field: Field, found: Comparison) -> list[object]:
    """The values as what the field holds; InvalidFilter when they cannot be that."""
    if field.kind in ("metric", "number"):
        for value in found.values:
            if isinstance(value, bool | str):
                raise InvalidFilter(f"`{field.written}` is compared with a number, and {value!r} is none.")
        return list(found.values)
    if field.kind == "time":
        return [_read_time(field, value) for value in found.values]
    numeric = not any(isinstance(value, bool | str) for value in found.values) and not found.operator.endswith("like")
    if field.kind in ("param", "tag") and numeric:
        return list(found.values)
    # JSON writes true and false in lower case.
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in found.values]


def _read_time(field: Field, value: Value) -> datetime:
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidFilter(
            f"`{field.written}` is compared with a time such as '2026-03-01' or '2026-03-01 12:30', not {value!r}."
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
