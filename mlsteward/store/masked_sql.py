"""Tables of the store as SQL sees them for a reader who may not see everything."""

from mlsteward.data.engine import literal
from mlsteward.store.masking import Masks

# Tables that hold no value of a column of a dataset.
_OPEN = frozenset(
    {
        "activity",
        "alerts",
        "aliases",
        "comments",
        "deployment_events",
        "deployments",
        "latest_metrics",
        "links",
        "metrics",
        "monitors",
        "outcome_segments",
    }
)
_WORDS = literal("masked")
_NONE = literal("[]")
# Tables with a field that may quote values, and in which rows it does: words of gates name slices and groups.
_SAYING = {"terms": ("sql <> ''", "sql"), "gate_results": ("true", "words")}


def seen_runs(masks: Masks) -> str:
    """A table expression with the columns of `runs`: what a run says that read masked columns is left out."""
    if not masks.hidden:
        return "runs"
    return _without("runs", _withheld(masks), {"params": "'{}'", "tags": "'{}'", "reason": "''", "error": "''"})


def seen_table(masks: Masks, table: str, select: str) -> str:
    """The SELECT that copies a table of metadata out of the store, without what its reader may not see.

    A table that nobody has thought of here is empty for all but those who are cleared for everything.
    """
    if not masks.hidden or table in _OPEN:
        return select
    if table == "runs":
        return select.replace("FROM runs", f"FROM {seen_runs(masks)} AS runs")
    if table in ("datasets", "dataset_versions"):
        # A fingerprint lets its reader find out by trying; SQL quotes the values it looks for.
        more = {"sql": _WORDS, "held": "regexp_replace(held, '(of its contract):.*', '\\1', 's')"}
        fields = {"fingerprint": _WORDS} | (more if table == "dataset_versions" else {})
        return f"SELECT * FROM {_without(f'({select})', _hidden_dataset(masks), fields)}"
    if table == "columns":
        condition = f"(dataset, name) IN ({_pairs(masks)})"
        return f"SELECT * FROM {_without(f'({select})', condition, {'allowed_values': _NONE})}"
    if table == "checks":
        condition = f"(dataset, column_name) IN ({_pairs(masks)})"
        return f"SELECT * FROM {_without(f'({select})', condition, {'words': _WORDS, 'value': 'NULL'})}"
    if table in _SAYING:
        condition, field = _SAYING[table]
        return f"SELECT * FROM {_without(f'({select})', condition, {field: _WORDS})}"
    if table == "relationships":
        sides = (_side(masks, "dataset", "columns"), _side(masks, "to_dataset", "to_columns"))
        return f"SELECT * FROM ({select}) AS r WHERE NOT ({' OR '.join(sides)})"
    if table == "models":
        condition = f"(split_part(dataset, '@', 1), target) IN ({_pairs(masks)})"
        return f"SELECT * FROM {_without(f'({select})', condition, {'classes': _NONE})}"
    return f"SELECT * FROM ({select}) WHERE false"


def _without(table: str, condition: str, fields: dict[str, str]) -> str:
    cases = [f"CASE WHEN {condition} THEN {value} ELSE {name} END AS {name}" for name, value in fields.items()]
    replaced = ", ".join(cases)
    return f"(SELECT * REPLACE ({replaced}) FROM {table})"


def _withheld(masks: Masks) -> str:
    """Whether a row of `runs` read a dataset of which a masked column was not kept from it (see `Masks.withholds`)."""
    rows = ", ".join(f"({literal(name)}, [{', '.join(map(literal, masks.within([name])))}])" for name in masks.hidden)
    touched = f"list_concat({_listed('reads')}, [dataset, name])"
    read = f"list_transform({touched}, lambda one: split_part(one, '@', 1))"
    return (
        f"EXISTS (SELECT 1 FROM (VALUES {rows}) AS hidden(one_dataset, its_columns)"
        f" WHERE list_contains({read}, hidden.one_dataset)"
        f" AND NOT list_has_all({_listed('masked')}, hidden.its_columns))"
    )


def _hidden_dataset(masks: Masks) -> str:
    names = ", ".join(map(literal, masks.hidden))
    bare = "split_part(replace(source, 'dataset:', ''), '@', 1)"
    made_of = f"list_transform({_listed('sources')}, lambda source: {bare})"
    return f"(name IN ({names}) OR list_has_any({made_of}, [{names}]))"


def _pairs(masks: Masks) -> str:
    return "VALUES " + ", ".join(f"({literal(dataset)}, {literal(column)})" for dataset, column in masks.pairs)


def _side(masks: Masks, dataset: str, columns: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM ({_pairs(masks)}) AS hidden(dataset, name) WHERE hidden.dataset = r.{dataset}"
        f" AND list_contains({_listed(f'r.{columns}')}, hidden.name))"
    )


def _listed(column: str) -> str:
    """A column of JSON as a list of texts."""
    return f"from_json({column}, '[\"VARCHAR\"]')"
