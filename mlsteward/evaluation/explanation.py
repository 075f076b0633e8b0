"""What an explanation says, as models that travel from the worker to the server, and how it reads. Light to import."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mlsteward.answer import cell, counted, number
from mlsteward.record import Record
from mlsteward.training.signature import ImportanceRow

# What is shown of a long list.
IMPORTANCE = 12
ROWS = 4
TERMS = 6


class ColumnWords(Record):
    """How the data dictionary calls a column, and in which unit it is."""

    business_name: str = ""
    unit: str = ""


class Term(Record):
    """What one column adds to the prediction of a row; `error` is 0 where it is exact."""

    column: str
    value: str
    contribution: float
    error: float = 0.0


class RowExplanation(Record):
    """One row: `base` plus all contributions is `prediction`, on `scale`. `terms` come largest first.

    `said` is the prediction in words, `outcome` the class that is explained, "" for regression, `sampled` the share of
    the model's weight that was sampled.
    """

    row: str
    said: str
    outcome: str = ""
    scale: str
    base: float
    prediction: float
    sampled: float
    terms: list[Term]


def importance_words(found: ImportanceRow, metric: str, words: Mapping[str, ColumnWords]) -> str:
    """A line such as `departure delay (dep_delay): roc_auc −0.21 ± 0.01 when permuted, rises with it by 0.4`."""
    names = " + ".join(column_words(name, words) for name in found.columns)
    how = f", {found.direction}" if found.direction else ""
    size = f" by {number(abs(found.effect), 2)}" if found.direction and found.effect else ""
    return f"{names}: {number(found.value, 3)} ± {number(found.error, 1)} of {metric}{how}{size}"


def column_words(name: str, words: Mapping[str, ColumnWords]) -> str:
    """`departure delay (dep_delay)`, or the bare name."""
    called = words.get(name, ColumnWords()).business_name
    return f"{called} ({name})" if called and called.casefold() != name.casefold() else name


def term_words(term: Term, scale: str, subject: str, words: Mapping[str, ColumnWords]) -> str:
    """A line such as `departure delay (dep_delay) 43 min pushes the probability of yes up by 0.21`."""
    unit = words.get(term.column, ColumnWords()).unit
    value = f"{term.value} {unit}" if unit and term.value != "missing" else term.value
    way = "up" if term.contribution > 0 else "down"
    error = f" ± {number(term.error, 1)}" if term.error else ""
    size = number(abs(term.contribution), 2)
    return f"{column_words(term.column, words)} {value} pushes {subject_words(scale, subject)} {way} by {size}{error}"


def subject_words(scale: str, subject: str) -> str:
    return subject if scale == "target" else f"the {scale} of {subject}"


def row_words(found: RowExplanation, target: str) -> str:
    """The prediction of a row and where it starts from."""
    base = f"from {number(found.base, 3)} on average"
    if found.scale != "log-odds":
        return f"{found.row}: {found.said}, {base}"
    subject = subject_words(found.scale, found.outcome or target)
    return f"{found.row}: {found.said}; {subject} {number(found.prediction, 3)}, {base}"


def method_words(rows: Sequence[RowExplanation], classes: int) -> str:
    """How the contributions were computed."""
    if not rows:
        return ""
    scale, sampled = rows[0].scale, max(row.sampled for row in rows)
    odds = " (for more than two classes against the classes' mean)" if scale == "log-odds" and classes > 2 else ""
    how = f"sampled for {sampled:.0%} of the model's weight, ± is the standard error" if sampled else "exact"
    return f"Contributions are Shapley values in {'the target' if scale == 'target' else scale}{odds}, {how}."


def value_words(value: object) -> str:
    """A cell of a row."""
    if value is None or value != value:
        return "missing"
    return cell(str(value).removesuffix(" 00:00:00") if isinstance(value, datetime) else value)


def importance_findings(
    importance: Sequence[ImportanceRow], metric: str, words: Mapping[str, ColumnWords]
) -> list[str]:
    """What permuting the columns costs, the worst first."""
    lines = [f"- {importance_words(one, metric, words)}" for one in importance[:IMPORTANCE]]
    more = len(importance) - len(lines)
    return [*(["loss when permuted:"] if lines else []), *lines, *([f"and {more} more"] if more else [])]


def row_findings(rows: Sequence[RowExplanation], target: str, words: Mapping[str, ColumnWords]) -> list[str]:
    """Each row's prediction, and what its columns add to it."""
    lines: list[str] = []
    for row in rows[:ROWS]:
        subject = row.outcome or target
        lines += [
            row_words(row, target),
            *[f"- {term_words(one, row.scale, subject, words)}" for one in row.terms[:TERMS]],
        ]
    more = len(rows) - ROWS
    return [*lines, f"and {counted(more, 'more row')} on the page"] if more > 0 else lines
