"""How a comparison of two tables reads."""

from mlsteward.answer import clipped, counted, number
from mlsteward.data.diff_report import ColumnDiff, Example, RowDiff

_EXAMPLES = 3
_COLUMNS = 12


def verdict(diff: RowDiff, changes: int, reference: str, current: str) -> str:
    """The comparison in one sentence; `changes` counts what happened to the columns themselves."""
    columns = f"; {counted(changes, 'change')} of columns" if changes else ""
    how = f"by {', '.join(diff.key)}" if diff.key else "as whole rows, without a key"
    if diff.same:
        return f"{current} has the same {counted(diff.after, 'row')} as {reference}, compared {how}{columns}."
    parts = [f"{diff.added:,} added", f"{diff.removed:,} removed"]
    if diff.key:
        parts.append(f"{diff.changed:,} changed")
    size = f"{diff.before:,}" if diff.before == diff.after else f"{diff.before:,} → {diff.after:,}"
    return f"{current} against {reference} ({size} rows, compared {how}): rows {', '.join(parts)}{columns}."


def lines(diff: RowDiff) -> list[str]:
    """What changed, column by column, and a few rows."""
    more = len(diff.columns) - _COLUMNS
    return [
        f"{diff.repeated:,} rows share their {', '.join(diff.key)} with another row" if diff.repeated else "",
        *(f"{one.column}: {column_words(one)}" for one in diff.columns[:_COLUMNS]),
        f"and {counted(more, 'more column')}" if more > 0 else "",
        *_rows("added", diff.added_examples),
        *_rows("removed", diff.removed_examples),
    ]


def column_words(one: ColumnDiff) -> str:
    """What changed in a column, with a few values unless it is masked."""
    parts: list[str] = []
    if one.changed:
        parts.append(f"{counted(one.changed, 'row')} changed")
        parts += [f"{one.nulled:,} to null"] if one.nulled else []
        parts += [f"{one.filled:,} from null"] if one.filled else []
        if one.shift is not None:
            parts.append(f"by {_signed(one.shift)} on average, median {_signed(one.median_shift)}")
    elif one.nulls_before != one.nulls_after:
        parts.append(f"nulls {one.nulls_before:,} → {one.nulls_after:,}")
    if not one.changed and one.mean_before is not None and one.mean_after is not None:
        parts.append(f"mean {number(one.mean_before)} → {number(one.mean_after)}")
    if one.masked:
        parts.append("values masked")
    shown = "; ".join(example_words(example) for example in one.examples[:_EXAMPLES])
    return ", ".join(parts or ["other values"]) + (f": {shown}" if shown else "")


def example_words(example: Example) -> str:
    where = f" ({example.key})" if example.rows == 1 and example.key else ""
    many = f" in {example.rows:,} rows" if example.rows > 1 else where
    return f"{clipped(example.before, 30)} → {clipped(example.after, 30)}{many}"


def _rows(what: str, examples: list[str]) -> list[str]:
    return [f"{what}, for example: {' | '.join(examples[:_EXAMPLES])}"] if examples else []


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{'+' if value > 0 else ''}{number(value)}"
