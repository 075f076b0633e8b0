"""Which metrics, parameters and tags the runs have; for catching names that were misspelt."""

from collections.abc import Sequence

from mlsteward.errors import InvalidFilter
from mlsteward.names import close_names
from mlsteward.store.fields import NUMBERS, TEXTS, TIMES, Field
from mlsteward.store.transaction import Transaction


def check_fields(t: Transaction, fields: Sequence[Field], kind: str = "") -> None:
    """Raise InvalidFilter for a field that no run has, with names that are close among those of `kind`."""
    for field in fields:
        if field.kind in ("number", "time", "text") or _exists(t, field):
            continue
        known = field_names(t, kind)
        wanted = field.shown.rpartition(".")[2]
        same = [name for name in known if name.rpartition(".")[2] == wanted]
        what = {"metric": "metric", "param": "parameter", "tag": "tag"}[field.kind]
        split = f" on the {field.split} split" if field.kind == "metric" else ""
        raise InvalidFilter(
            f"No run has a {what} `{field.name}`{split}. {_list_of(known)}",
            close=same or close_names(field.shown, known),
        )


def field_names(t: Transaction, kind: str = "") -> list[str]:
    """Every field that a filter of runs of `kind` can name, as it is written there: metrics first."""
    metrics = [
        Field("", "metric", name, split).shown
        for split, name in t.rows("SELECT DISTINCT split, name FROM latest_metrics ORDER BY split <> 'test', name")
    ]
    members = [
        f"{column}.{name}"
        for column in ("params", "tags")
        for (name,) in t.rows(
            f"SELECT DISTINCT unnest(json_keys({column})) AS name FROM runs WHERE ? IN ('', kind) ORDER BY name", [kind]
        )
    ]
    return [*metrics, *members, *TEXTS, *TIMES, *NUMBERS]


def _exists(t: Transaction, field: Field) -> bool:
    if field.kind == "metric":
        sql = "SELECT 1 FROM latest_metrics WHERE split = ? AND name = ? LIMIT 1"
        return t.row(sql, [field.split, field.name]) is not None
    column = f"{field.kind}s"
    first = field.name.partition(".")[0]
    sql = f"SELECT 1 FROM runs WHERE list_has_any(json_keys({column}), ?) LIMIT 1"
    return t.row(sql, [[field.name, first]]) is not None


def _list_of(known: list[str]) -> str:
    shown = known[:12]
    return "There are " + ", ".join(shown) + (", …" if len(known) > len(shown) else "") + "."
