"""Which rows are compared with which: by time, by the values of a column, and in what blocks they belong together."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mlsteward.data.engine import literal, quote
from mlsteward.drift.choice import TIME_UNITS, Choice, parse_moment
from mlsteward.drift.sql import Sample
from mlsteward.errors import UnusableData

if TYPE_CHECKING:
    import duckdb

MOST_WINDOWS = 12
_GROUP_BLOCKS = 300
_FEW_BLOCKS = 5
_MANY_BLOCKS = {"day": 800, "week": 800, "month": 800, "hour": 10_000, "minute": 10_000}


@dataclass(frozen=True)
class Window:
    """Rows and those that they are compared with; `volume` says whether it means anything how many there are."""

    reference: Sample
    current: Sample
    volume: bool = True


@dataclass(frozen=True)
class Selection:
    """The reference, the windows by label (one, unless `by` asked for more), and what a block is."""

    reference: Sample
    windows: dict[str, Window]
    unit: str
    reference_words: str
    current_words: str


def select(connection: "duckdb.DuckDBPyConnection", choice: Choice) -> Selection:
    """The rows to compare. Raises UnusableData when nothing is left on one side."""
    selection = _by_time(connection, choice) if choice.time_column else _everything(choice)
    if choice.by and choice.by not in TIME_UNITS:
        selection = _by_values(connection, choice, selection)
    return _in_blocks(connection, choice, selection)


def _everything(choice: Choice) -> Selection:
    reference = Sample(path=choice.reference)
    return Selection(reference, {"": Window(reference, Sample(path=choice.current))}, "", "all rows", "all rows")


def _by_time(connection: "duckdb.DuckDBPyConnection", choice: Choice) -> Selection:
    oldest, newest = _ends(connection, choice.current, choice.time)
    since = parse_moment(choice.since, newest) if choice.since else None
    until = parse_moment(choice.until, newest) if choice.until else None
    if choice.same and since is None:
        since = oldest + (newest - oldest) / 2
    where = _between(choice.time, since, until)
    before = _between(choice.time, None, since) if choice.same else "TRUE"
    windows = {"": Sample(path=choice.current, where=where)}
    if choice.by in TIME_UNITS:
        windows = _time_windows(connection, choice, where)
    words = f"rows {_words(None, since)[5:]}" if choice.same else "all rows"
    reference = Sample(path=choice.reference, where=before)
    against = {label: Window(reference, sample) for label, sample in windows.items()}
    return Selection(reference, against, "", words, _words(since, until))


def _words(since: datetime | None, until: datetime | None) -> str:
    parts = [f"from {label(since)}" if since else "", f"before {label(until)}" if until else ""]
    return "rows " + " and ".join(part for part in parts if part) if any(parts) else "all rows"


def _between(time: str, since: datetime | None, until: datetime | None) -> str:
    parts = [f"{time} >= {_moment(since)}"] if since else []
    parts += [f"{time} < {_moment(until)}"] if until else []
    return " AND ".join(parts) or "TRUE"


def _moment(moment: datetime) -> str:
    return f"TIMESTAMP {literal(moment.isoformat(sep=' '))}"


def _ends(connection: "duckdb.DuckDBPyConnection", path: str, time: str) -> tuple[datetime, datetime]:
    row = connection.execute(f"SELECT min({time}), max({time}) FROM read_parquet({literal(path)})").fetchone()
    if row is None or row[0] is None:
        raise UnusableData("The time column holds no times.")
    return row[0], row[1]


def _time_windows(connection: "duckdb.DuckDBPyConnection", choice: Choice, where: str) -> dict[str, Sample]:
    start = f"date_trunc({literal(choice.by)}, {choice.time})"
    found = connection.execute(
        f"SELECT DISTINCT CAST({start} AS TIMESTAMP) AS start FROM read_parquet({literal(choice.current)})"
        f" WHERE {where} AND {choice.time} IS NOT NULL ORDER BY start DESC LIMIT {MOST_WINDOWS}"
    ).fetchall()
    return {
        label(row[0]): Sample(path=choice.current, where=f"{where} AND {start} = {_moment(row[0])}")
        for row in reversed(found)
    }


def label(start: datetime) -> str:
    """A time as short as it can be said."""
    return f"{start:%Y-%m-%d}" if (start.hour, start.minute) == (0, 0) else f"{start:%Y-%m-%d %H:%M}"


def _by_values(connection: "duckdb.DuckDBPyConnection", choice: Choice, selection: Selection) -> Selection:
    """A window for each value, against the same value's rows of the reference, or all where it lacks the column."""
    sample = next(iter(selection.windows.values())).current
    value = f"CAST({quote(choice.by)} AS VARCHAR)"
    found = connection.execute(
        f"SELECT {value} AS value, count(*) AS rows FROM read_parquet({literal(sample.path)})"
        f" WHERE {sample.where} AND {value} IS NOT NULL GROUP BY 1 ORDER BY rows DESC, value LIMIT {MOST_WINDOWS}"
    ).fetchall()
    in_reference = _has_column(connection, selection.reference.path, choice.by)
    windows: dict[str, Window] = {}
    for value_, _ in found:
        same = f" AND {value} = {literal(str(value_))}"
        reference = _narrowed(selection.reference, same) if in_reference else selection.reference
        windows[str(value_)] = Window(reference, _narrowed(sample, same), volume=in_reference)
    return Selection(selection.reference, windows, "", selection.reference_words, selection.current_words)


def _has_column(connection: "duckdb.DuckDBPyConnection", path: str, name: str) -> bool:
    found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(path)})").fetchall()
    return name.casefold() in {str(row[0]).casefold() for row in found}


def _narrowed(sample: Sample, condition: str) -> Sample:
    return Sample(path=sample.path, where=sample.where + condition)


def _in_blocks(connection: "duckdb.DuckDBPyConnection", choice: Choice, selection: Selection) -> Selection:
    if choice.group and choice.group_in_reference:
        return _with_block(selection, "group", f"hash(CAST({quote(choice.group)} AS VARCHAR)) % {_GROUP_BLOCKS}", "")
    if not choice.time_column or not choice.time_in_reference or not selection.windows:
        return selection
    unit = _time_unit(connection, choice, selection)
    if not unit:
        return selection
    block = f"epoch(date_trunc({literal(unit)}, {choice.time}))"
    return _with_block(selection, unit, block, f" AND {choice.time} IS NOT NULL")


def _with_block(selection: Selection, unit: str, block: str, known: str) -> Selection:
    def put(sample: Sample) -> Sample:
        return Sample(path=sample.path, where=sample.where + known, block=block)

    windows = {
        label: Window(put(window.reference), put(window.current), window.volume)
        for label, window in selection.windows.items()
    }
    return Selection(put(selection.reference), windows, unit, selection.reference_words, selection.current_words)


def _time_unit(connection: "duckdb.DuckDBPyConnection", choice: Choice, selection: Selection) -> str:
    """Days, or weeks or months where there are too many; shorter where no current window has five; "" if none has."""
    units = ("day", "week", "month", "hour", "minute")
    columns = ", ".join(f"count(DISTINCT date_trunc('{unit}', {choice.time}))" for unit in units)

    def counted(sample: Sample) -> tuple[int, ...]:
        sql = f"SELECT {columns} FROM read_parquet({literal(sample.path)}) WHERE {sample.where}"
        return connection.execute(sql).fetchone() or (0,) * len(units)

    references = {window.reference.where: counted(window.reference) for window in selection.windows.values()}
    pairs = [(references[window.reference.where], counted(window.current)) for window in selection.windows.values()]
    for place, unit in enumerate(units):
        numbers = [(before[place], after[place]) for before, after in pairs]
        if max(map(min, numbers)) >= _FEW_BLOCKS and max(map(sum, numbers)) <= _MANY_BLOCKS[unit]:
            return unit
    return ""
