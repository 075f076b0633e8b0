"""Which rows of a table were added, removed and changed, by a key or as whole rows. Only worker code imports this.

Rows of both sides meet in one aggregation over key and 64-bit hash of the row, in which those of one side count
against those of the other. It spills to disk, and only rows that are left over are read whole. Two rows that differ
are taken for equal with a probability of 2⁻⁶⁴.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlsteward.data.column_diff import changed_columns, held_columns
from mlsteward.data.diff_report import RowDiff
from mlsteward.data.engine import literal, quote, row_of
from mlsteward.data.row_sides import Sides

ADDED = "added.parquet"
REMOVED = "removed.parquet"
CHANGED = "changed.parquet"
_EXAMPLES = 5


@dataclass(frozen=True)
class _Comparison:
    """Places of the key's columns, [] for whole rows, and of those that are compared."""

    sides: Sides
    key: list[int]
    compared: list[int]
    repeated: int = 0

    @cached_property
    def identity(self) -> str:
        """What rows meet by."""
        return ", ".join([*self.sides.listed(self.key), self.sides.hash])

    def rows(self, view: str) -> str:
        """A side with the hash of each row's compared columns."""
        row = ", ".join(self.sides.listed(self.compared))
        return f"(SELECT *, {f'hash({row})' if row else '0::UBIGINT'} AS {self.sides.hash} FROM {view})"

    def meet(self, first: str, second: str, *, by_hash: bool) -> str:
        """The condition that rows of two tables are one: null is a value."""
        names = [*self.sides.listed(self.key), *([self.sides.hash] if by_hash else [])]
        return " AND ".join(f"{first}.{name} IS NOT DISTINCT FROM {second}.{name}" for name in names)


def repeated_rows(sides: Sides, key: Sequence[str]) -> int:
    """How many rows, of both sides together, have a key that occurs more than once on their side."""
    keys = ", ".join(sides.listed(sides.places(key)))
    counted = "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {} GROUP BY " + keys + ") WHERE n > 1"
    return sum(int(row_of(sides.connection, counted.format(view))[0]) for view in ("reference", "current"))


def diff_rows(
    sides: Sides, key: Sequence[str], folder: Path, progress: Callable[[float], None], *, repeated: int = 0
) -> RowDiff:
    """Compare row by row, or with an empty key as multisets of whole rows, where nothing counts as changed.

    Among rows that share a key (`repeated` of them) one that changed alone is found; of several, some count as removed
    and some as added. The rows themselves are written as Parquet files into `folder`.
    """
    places = sides.places(key)
    trusted = _trusted(sides, places) if key else set[int]()
    progress(0.2)
    compared = [place for place in range(len(sides.pairs)) if place not in places and place not in trusted]
    task = _Comparison(sides, places, compared, repeated)
    sides.connection.execute(_left_over(task))
    progress(0.5)
    added, removed, changed = row_of(
        sides.connection,
        "SELECT coalesce(sum(n) FILTER (n > 0 AND NOT changed), 0),"
        " coalesce(-sum(n) FILTER (n < 0 AND NOT changed), 0), count(*) FILTER (n > 0 AND changed) FROM left_over",
    )
    files = [_write(task, folder, ADDED)] if added else []
    files += [_write(task, folder, REMOVED)] if removed else []
    progress(0.7)
    columns = held_columns(sides) if not key else []
    if changed:
        files.append(_write_changed(task, folder))
        progress(0.85)
        columns = changed_columns(sides, task.key, task.compared, folder / CHANGED)
    return RowDiff(
        key=list(key),
        before=sides.reference.rows,
        after=sides.current.rows,
        added=int(added),
        removed=int(removed),
        changed=changed,
        repeated=repeated,
        columns=columns,
        added_examples=_examples(task, folder, ADDED) if added else [],
        removed_examples=_examples(task, folder, REMOVED) if removed else [],
        files=files,
    )


def _trusted(sides: Sides, key: Sequence[int]) -> set[int]:
    """The places of columns that hold the same values for the same keys, which need no comparing.

    Equal fingerprints of a column mean the same values, in whatever rows; so each is hashed once more with the key.
    """
    alike = [place for place, pair in enumerate(sides.pairs) if pair.alike and place not in key]
    if not alike or not all(sides.pairs[place].alike for place in key):
        return set()
    keys = ", ".join(sides.listed(key))
    sums = ", ".join(f"sum(hash({keys}, {name})::HUGEINT)" for name in sides.listed(alike))
    before, after = (row_of(sides.connection, f"SELECT {sums} FROM {view}") for view in ("reference", "current"))
    return {place for place, one, other in zip(alike, before, after, strict=True) if one == other}


def _left_over(task: _Comparison) -> str:
    """The table of rows that do not cancel out: `n` more on the current side, less on the reference's.

    `changed` marks the two rows that are all that is left over of a key, one on each side.
    """
    both = " UNION ALL ".join(
        f"SELECT {task.identity}, {sign} AS side FROM {task.rows(view)}"
        for view, sign in (("reference", -1), ("current", 1))
    )
    rows = f"SELECT {task.identity}, sum(side) AS n FROM ({both}) GROUP BY {task.identity} HAVING sum(side) <> 0"
    pair = "false"
    if task.key:
        of_key = f"OVER (PARTITION BY {', '.join(task.sides.listed(task.key))})"
        pair = f"count(*) {of_key} = 2 AND sum(n) {of_key} = 0 AND max(n) {of_key} = 1"
    return f"CREATE TEMP TABLE left_over AS SELECT *, {pair} AS changed FROM ({rows})"


def _write(task: _Comparison, folder: Path, file: str) -> str:
    """The rows that are on one side only, as they stand there."""
    view, sign, side = (
        ("current", "", task.sides.current) if file == ADDED else ("reference", "-", task.sides.reference)
    )
    own = ", ".join(f"v.{quote(column.name)}" for column in side.columns)
    once = ""
    if task.repeated or not task.key:
        # Of rows that are wholly alike, as many as the other side lacks.
        alike = ", ".join(f"v.{name}" for name in [*task.sides.listed(task.key), task.sides.hash])
        once = f" QUALIFY row_number() OVER (PARTITION BY {alike}) <= {sign}d.n"
    task.sides.connection.execute(
        f"COPY (SELECT {own} FROM {task.rows(view)} AS v JOIN left_over AS d ON {task.meet('v', 'd', by_hash=True)}"
        f" WHERE {sign}d.n > 0 AND NOT d.changed{once}) TO {literal(str(folder / file))} (FORMAT parquet)"
    )
    return file


def _write_changed(task: _Comparison, folder: Path) -> str:
    """Keys, and each compared column before and after."""
    chosen = [
        f"(SELECT v.* FROM {task.rows(view)} AS v SEMI JOIN (FROM left_over WHERE changed AND {sign}n > 0) AS d"
        f" ON {task.meet('v', 'd', by_hash=True)})"
        for view, sign in (("reference", "-"), ("current", ""))
    ]
    pairs, names = task.sides.pairs, task.sides.names
    parts = [f"c.{names[place]} AS {quote(pairs[place].name)}" for place in task.key]
    for place in task.compared:
        parts += [
            f"{table}.{names[place]} AS {quote(f'{pairs[place].name} {when}')}"
            for table, when in (("r", "before"), ("c", "after"))
        ]
    task.sides.connection.execute(
        f"COPY (SELECT {', '.join(parts)} FROM {chosen[0]} AS r JOIN {chosen[1]} AS c"
        f" ON {task.meet('r', 'c', by_hash=False)}) TO {literal(str(folder / CHANGED))} (FORMAT parquet)"
    )
    return CHANGED


def _examples(task: _Comparison, folder: Path, file: str) -> list[str]:
    """A few rows of a file by their keys, else by their first columns."""
    pairs = task.sides.pairs
    places = task.key or list(range(len(pairs)))
    own = {place: quote(pairs[place].name if file == ADDED else pairs[place].reference) for place in places}
    order = ", ".join(own.values())
    rows = task.sides.connection.execute(
        f"SELECT {task.sides.text(own)} FROM read_parquet({literal(str(folder / file))}) ORDER BY {order}"
        f" LIMIT {_EXAMPLES}"
    ).fetchall()
    return [text for (text,) in rows]
