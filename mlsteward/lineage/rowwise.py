"""A statement rewritten so that each row of its result says which row of one table it was made from.

Only a statement that makes at most one row of each row, by itself, can be: others say why not. Only worker code calls
this: it works on the engine's own tree of the statement.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlsteward.errors import NotSupported
from mlsteward.lineage.expressions import Part, children

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The column that numbers rows, from 0, and that the statement carries through.
ROW = "mlsteward_row"


@dataclass
class Carried:
    """The statement that carries ROW, and the columns on which it no longer filters."""

    sql: str
    unfiltered: list[str] = field(default_factory=list[str])


def carry_rows(
    engine: "DuckDBPyConnection", sql: str, table: str, *, made: str, missing: Collection[str] = ()
) -> Carried:
    """`sql` with ROW of `table` as the last column of its result.

    Conditions of WHERE on columns that are `missing` are left out: rows that are to be predicted have no target yet.
    Raises NotSupported when the statement, that of the dataset `made`, looks at several rows at once.
    """
    text = engine.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0][0]
    tree = json.loads(text)
    aggregates = engine.execute(
        "SELECT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
    ).fetchall()
    carrier = _Carrier(table, made, frozenset(name for (name,) in aggregates), {name.casefold() for name in missing})
    if not carrier.query(tree["statements"][0]["node"], {table.casefold(): True}):
        raise carrier.refusal(f"does not pass the rows of `{table}` on")
    carried = engine.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0]
    return Carried(carried, list(carrier.unfiltered))


class _Carrier:
    """Rewrites the queries of one statement in place."""

    def __init__(self, table: str, made: str, aggregates: frozenset[str], missing: Collection[str]) -> None:
        self._table = table
        self._made = made
        self._aggregates = aggregates
        self._missing = missing
        self.unfiltered: dict[str, None] = {}

    def refusal(self, why: str) -> NotSupported:
        return NotSupported(
            f"The statement that made {self._made} {why}, so it cannot be applied row by row to rows of"
            f" `{self._table}`. Run it on all of them, and predict its result.",
            next=f'transform_dataset(name="{self._made.partition("@")[0]}")',
        )

    def query(self, node: Part, known: dict[str, bool]) -> bool:
        """Have a query give ROW where it reads the rows; returns whether it does. `known` says which tables have it."""
        known = dict(known)
        for entry in node["cte_map"]["map"]:
            carried = self.query(entry["value"]["query_node"], known)
            known[entry["key"].casefold()] = carried
            if carried and entry["value"]["aliases"]:
                entry["value"]["aliases"].append(ROW)
        if node["type"] == "SELECT_NODE":
            return self._select(node, known)
        parts = [*node.get("children", ()), *(node[side] for side in ("left", "right") if node.get(side))]
        carried = [self.query(part, known) for part in parts]
        if any(carried):
            recursive = node["type"] == "RECURSIVE_CTE_NODE"
            raise self.refusal("reads them again and again" if recursive else "puts several queries together (UNION)")
        return False

    def _select(self, node: Part, known: dict[str, bool]) -> bool:
        carriers = self._carriers(node["from_table"], known)
        for part in self._expressions(node):
            self._check_subqueries(part, known)
        if not carriers:
            return False
        if len(carriers) > 1:
            raise self.refusal("reads them more than once")
        self._check_select(node)
        node["where_clause"] = self._filter(node["where_clause"])
        for item in node["select_list"]:
            _hide(item, carriers[0])
        node["select_list"].append(_reference())
        return True

    def _carriers(self, part: Part, known: dict[str, bool]) -> list[str]:
        """The aliases under which FROM has ROW."""
        match part["type"]:
            case "BASE_TABLE":
                name = part["qualified_name"]["path"][-1]
                return [part["alias"] or name] if known.get(name.casefold()) else []
            case "SUBQUERY":
                if not self.query(part["subquery"]["node"], known):
                    return []
                if part["column_name_alias"]:
                    part["column_name_alias"].append(ROW)
                return [part["alias"]]
            case "JOIN":
                return self._join(part, known)
            case "PIVOT":
                if self._carriers(part["source"], known):
                    raise self.refusal("turns rows into columns (PIVOT)")
                return []
            case _:
                return []

    def _join(self, part: Part, known: dict[str, bool]) -> list[str]:
        left, right = self._carriers(part["left"], known), self._carriers(part["right"], known)
        kind = part["join_type"]
        if part["ref_type"] == "POSITIONAL" and (left or right):
            raise self.refusal("joins by position")
        adding = kind in ("FULL", "OUTER") or (left and kind == "RIGHT") or (right and kind == "LEFT")
        if adding and (left or right):
            raise self.refusal(f"adds rows that are not among them ({kind} JOIN)")
        if right and kind in ("SEMI", "ANTI"):
            raise self.refusal(f"only looks them up ({kind} JOIN)")
        return [*left, *right]

    def _check_select(self, node: Part) -> None:
        kinds = {modifier["type"] for modifier in node["modifiers"]}
        items = [*node["select_list"], *([node["having"]] if node["having"] else [])]
        if node["group_expressions"] or node["aggregate_handling"] == "FORCE_AGGREGATES" or any(map(self._sums, items)):
            raise self.refusal("puts rows together (an aggregate or GROUP BY)")
        if node["qualify"] or any(_holds(item, "WINDOW") for item in items):
            raise self.refusal("compares rows with others (a window function)")
        if "DISTINCT_MODIFIER" in kinds or "LIMIT_MODIFIER" in kinds or node["sample"]:
            raise self.refusal("picks rows (DISTINCT, LIMIT or a sample)")
        node["modifiers"] = []

    def _sums(self, part: Part) -> bool:
        if part["class"] == "FUNCTION" and part["function_name"].lower() in self._aggregates:
            return True
        return any(map(self._sums, children(part)))

    def _filter(self, where: Part | None) -> Part | None:
        """WHERE without the conditions on columns that rows do not have."""
        if where is None:
            return None
        if where["type"] == "CONJUNCTION_AND":
            where["children"] = [kept for part in where["children"] if (kept := self._filter_one(part))]
            return where if where["children"] else None
        return self._filter_one(where)

    def _filter_one(self, part: Part) -> Part | None:
        condition = part.get("expression", part)
        gone = [name for name in _columns(condition) if name.casefold() in self._missing]
        self.unfiltered.update(dict.fromkeys(gone))
        return None if gone else part

    def _expressions(self, node: Part) -> list[Part]:
        parts = [node["where_clause"], node["having"], node["qualify"], *node["select_list"]]
        return [part for part in parts if part]

    def _check_subqueries(self, part: Part, known: dict[str, bool]) -> None:
        """A subquery in an expression would look at all rows, of which only some are there."""
        if part["class"] == "SUBQUERY" and self.query(json.loads(json.dumps(part["subquery"]["node"])), known):
            raise self.refusal("looks at all rows in a subquery")
        for child in children(part):
            self._check_subqueries(child, known)


def _hide(item: Part, carrier: str) -> None:
    """Keep ROW out of `*`, which would give it twice, or a sum of it."""
    if item["class"] == "STAR" and item.get("relation_name", "").casefold() in ("", carrier.casefold()):
        item["exclude_list"].append(ROW)
    for child in children(item):
        _hide(child, carrier)


def _reference() -> Part:
    return {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": [ROW]}


def _holds(part: Part, kind: str) -> bool:
    return part["class"] == kind or any(_holds(child, kind) for child in children(part))


def _columns(part: Part) -> list[str]:
    """The last names of the columns that an expression refers to."""
    own: list[Any] = [part["column_names"][-1]] if part["class"] == "COLUMN_REF" else []
    return own + [name for child in children(part) for name in _columns(child)]
