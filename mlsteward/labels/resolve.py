"""From what several people said of a row to its one label."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median

from mlsteward.labels.agreement import Agreement, agree_on_classes, agree_on_numbers
from mlsteward.record import Record


class Annotation(Record):
    """What one person said of one row; `value` is the label as text."""

    row: str
    value: str
    by: str
    at: datetime


class Resolved(Record):
    """The label of a row, None where those who labelled it disagree without a majority; who they are, and when last."""

    row: str
    value: str | None
    by: str
    at: datetime
    said: dict[str, str] = {}

    @property
    def disputed(self) -> bool:
        return len(set(self.said.values())) > 1


def latest(annotations: Iterable[Annotation]) -> dict[str, dict[str, Annotation]]:
    """By row and person the last word; `annotations` come oldest first."""
    found: dict[str, dict[str, Annotation]] = {}
    for one in annotations:
        found.setdefault(one.row, {})[one.by] = one
    return found


def resolve(words: Mapping[str, Mapping[str, Annotation]], *, numeric: bool) -> list[Resolved]:
    """One label a row: what most said, and of numbers the median. Without a majority the row stays unlabelled."""
    return [_resolve(row, by, numeric=numeric) for row, by in words.items()]


def agreements(words: Mapping[str, Mapping[str, Annotation]], *, numeric: bool) -> list[Agreement]:
    """Each two people's agreement on the rows that both labelled, those with most rows in common first."""
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for by in words.values():
        people = sorted(by)
        for place, first in enumerate(people):
            for second in people[place + 1 :]:
                pairs.setdefault((first, second), []).append((by[first].value, by[second].value))
    found = [
        agree_on_numbers(first, second, [(float(one), float(other)) for one, other in shared])
        if numeric
        else agree_on_classes(first, second, shared)
        for (first, second), shared in pairs.items()
    ]
    return sorted(found, key=lambda one: -one.rows)


def _resolve(row: str, by: Mapping[str, Annotation], *, numeric: bool) -> Resolved:
    values = [one.value for one in by.values()]
    value = repr(median(map(float, values))) if numeric and len(set(values)) > 1 else _majority(values)
    return Resolved(
        row=row,
        value=value,
        by=", ".join(sorted(by)),
        at=max(one.at for one in by.values()),
        said={person: one.value for person, one in sorted(by.items())},
    )


def _majority(values: Sequence[str]) -> str | None:
    (value, count), *_ = Counter(values).most_common(1)
    return value if 2 * count > len(values) else None
