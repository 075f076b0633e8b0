"""The columns of a statement's result: queries, set operations and CTEs of the engine's own tree."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlsteward.data.engine import quote
from mlsteward.lineage.expressions import Part, children
from mlsteward.lineage.flow import Deciding, Flow, Output, Relation, Scope, Unfollowed, merged
from mlsteward.lineage.tables import TableTracer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

# A recursive CTE is traced until nothing new flows, at most so often.
_ROUNDS = 5


class QueryTracer(TableTracer):
    """Traces whole queries. The engine says which functions aggregate, and which columns COLUMNS(…) picks."""

    def __init__(self, engine: "DuckDBPyConnection", schemas: "Mapping[str, Sequence[str]]") -> None:
        found = engine.execute("SELECT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'")
        super().__init__(frozenset(name for (name,) in found.fetchall()), schemas)
        self._engine = engine

    def query(self, node: Part, scope: Scope) -> Relation:
        """What a query gives; `scope` is its own."""
        for entry in node.get("cte_map", {}).get("map", ()):
            value = entry["value"]
            relation = self.query(value["query_node"], replace(scope, ctes=dict(scope.ctes), relations=[], named={}))
            scope.ctes[entry["key"].casefold()] = relation.renamed("", value.get("aliases", ()))
        match node["type"]:
            case "SELECT_NODE":
                return self._select(node, scope)
            case "SET_OPERATION_NODE":
                return self._set_operation(node, scope)
            case "RECURSIVE_CTE_NODE":
                return self._recursive(node, scope)
            case kind:
                raise Unfollowed(kind)

    def expand(self, star: Part, scope: Scope) -> list[Output]:
        """The columns of `*`, with what EXCLUDE, REPLACE, RENAME and COLUMNS(…) make of them."""
        relations = scope.relations
        if table := star.get("relation_name", ""):
            relations = [one for one in relations if one.name.casefold() == table.casefold()]
        columns = [
            output
            for relation in relations
            for output in relation.outputs
            if table or output.name.casefold() not in relation.hidden
        ]
        out = {name.casefold() for name in star.get("exclude_list", ())}
        out |= {one["column"].casefold() for one in star.get("qualified_exclude_list", ())}
        columns = [output for output in columns if output.name.casefold() not in out]
        for replaced in star.get("replace_list", ()):
            flow = self.flow(replaced["value"], scope)
            columns = [
                Output(one.name, flow) if one.name.casefold() == replaced["key"].casefold() else one for one in columns
            ]
        names = {one["key"]["column"].casefold(): one["value"] for one in star.get("rename_list", ())}
        columns = [replace(one, name=names.get(one.name.casefold(), one.name)) for one in columns]
        return self._picked(star, columns) if "expr" in star else columns

    def _picked(self, item: Part, columns: list[Output]) -> list[Output]:
        """The columns that a pattern, list or lambda picks by name: the engine is asked, over a table of nulls."""
        names = [one.name for one in columns]
        if len({name.casefold() for name in names}) < len(names):
            raise Unfollowed("COLUMNS")
        nulls = ", ".join(f"NULL AS {quote(name)}" for name in names)
        tree = json.loads(
            self._engine.execute(
                "SELECT json_serialize_sql(?::VARCHAR)", [f"SELECT * FROM (SELECT {nulls})"]
            ).fetchall()[0][0]
        )
        tree["statements"][0]["node"]["select_list"] = [{**item, "alias": ""}]
        sql = self._engine.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0]
        picked = [name for name, *_ in self._engine.execute(f"DESCRIBE {sql}").fetchall()]
        return [one for one in columns if one.name in picked]

    def _select(self, node: Part, scope: Scope) -> Relation:
        rows = self.read_from(node["from_table"], scope)
        outputs: list[Output] = []
        plain: list[Output] = []
        for item in node["select_list"]:
            made = self._item(item, scope)
            outputs += made
            rows |= _whole(made).deciding("JOIN") if _unnests(item) else frozenset()
            plain += [] if self.has_aggregate(item) else made
            if "alias" in item and len(made) == 1:
                scope.named.setdefault(item["alias"].casefold(), made[0].flow)
        for clause in ("where_clause", "having", "qualify"):
            if clause in node:
                rows |= self.flow(node[clause], scope).deciding("FILTER")
        rows |= self._positioned(node.get("group_expressions", ()), outputs, scope).deciding("GROUP_BY")
        if node.get("aggregate_handling") == "FORCE_AGGREGATES":
            rows |= merged(output.flow for output in plain).deciding("GROUP_BY")
        rows |= self._modified(node, outputs, scope)
        return Relation(outputs, rows)

    def _item(self, item: Part, scope: Scope) -> list[Output]:
        star = _star_in(item)
        if star is None:
            return [Output(_name_of(item), self.flow(item, scope))]
        if item is star:
            # An alias is a pattern here: the engine alone knows what names it makes.
            return [replace(one, name="" if "alias" in star else one.name) for one in self.expand(star, scope)]
        if not star.get("columns"):  # `* LIKE …`
            return self._picked(item, self.expand(star, scope))
        columns = self.expand(star, scope)
        return [Output(item.get("alias", one.name), self.flow_for(item, scope, one)) for one in columns]

    def _modified(self, node: Part, outputs: list[Output], scope: Scope) -> Deciding:
        """What ORDER BY, DISTINCT and LIMIT add to the columns that decide the rows."""
        rows: Deciding = frozenset()
        for modifier in node.get("modifiers", ()):
            match modifier["type"]:
                case "ORDER_MODIFIER":
                    orders = [order["expression"] for order in modifier["orders"]]
                    rows |= self._positioned(orders, outputs, scope).deciding("SORT")
                case "DISTINCT_MODIFIER":
                    targets = modifier.get("distinct_on_targets")
                    flow = self._positioned(targets, outputs, scope) if targets else _whole(outputs)
                    rows |= flow.deciding("GROUP_BY")
                case _:
                    rows |= self.deciding(children(modifier), scope, "FILTER")
        return rows

    def _positioned(self, parts: Sequence[Part], outputs: list[Output], scope: Scope) -> Flow:
        """The flow of expressions among which `2` is the second column of the result, and a name may be one's."""
        inner = replace(scope, named={one.name.casefold(): one.flow for one in outputs} | scope.named)
        return merged(self._placed(part, outputs, inner) for part in parts)

    def _placed(self, part: Part, outputs: list[Output], scope: Scope) -> Flow:
        if part["class"] == "STAR":
            return _whole(outputs)
        if part["class"] == "CONSTANT" and part.get("literal", {}).get("kind") == "INTEGER":
            return outputs[int(part["literal"]["text"]) - 1].flow
        return self.flow(part, scope)

    def _set_operation(self, node: Part, scope: Scope) -> Relation:
        parts = node.get("children") or [node["left"], node["right"]]
        sides = [self.query(part, replace(scope, ctes=dict(scope.ctes), relations=[], named={})) for part in parts]
        rows = sides[0].rows.union(*(side.rows for side in sides[1:]))
        kind = node["setop_type"]
        if kind in ("EXCEPT", "INTERSECT"):
            outputs = sides[0].outputs
            rows = rows.union(*(side.whole().deciding("FILTER") for side in sides))
        else:
            outputs = _by_name(sides) if kind == "UNION_BY_NAME" else _by_place(sides)
            if not node.get("setop_all", True):
                rows |= _whole(outputs).deciding("GROUP_BY")
        return Relation(outputs, rows | self._modified(node, outputs, Scope(relations=[Relation(outputs)])))

    def _recursive(self, node: Part, scope: Scope) -> Relation:
        """The CTE holds what its first part gives and, again and again, what the second makes of it."""
        aliases = node.get("aliases", ())
        found = self.query(node["left"], replace(scope, ctes=dict(scope.ctes), relations=[], named={}))
        for _ in range(_ROUNDS):
            ctes = {**scope.ctes, node["cte_name"].casefold(): found.renamed("", aliases)}
            made = self.query(node["right"], Scope(ctes, around=scope.around))
            grown = Relation(_by_place([found, made]), found.rows | made.rows)
            if grown == found:
                break
            found = grown
        return found


def _whole(outputs: list[Output]) -> Flow:
    return merged(output.flow for output in outputs)


def _by_place(sides: Sequence[Relation]) -> list[Output]:
    first = sides[0].outputs
    if any(len(side.outputs) != len(first) for side in sides):
        raise Unfollowed("UNION")
    return [Output(one.name, merged(side.outputs[place].flow for side in sides)) for place, one in enumerate(first)]


def _by_name(sides: Sequence[Relation]) -> list[Output]:
    names = dict.fromkeys(output.name.casefold() for side in sides for output in side.outputs)
    found = {name: [output for side in sides if (output := side.column(name))] for name in names}
    return [Output(same[0].name, merged(one.flow for one in same)) for same in found.values()]


def _unnests(part: Part) -> bool:
    """Whether an item of a select list makes several rows of one."""
    if part["class"] == "FUNCTION" and part["function_name"].lower() == "unnest":
        return True
    return any(map(_unnests, children(part)))


def _star_in(part: Part) -> Part | None:
    if part["class"] == "STAR":
        return part
    return next((found for child in children(part) if (found := _star_in(child))), None)


def _name_of(item: Part) -> str:
    return item.get("alias") or (item["column_names"][-1] if item["class"] == "COLUMN_REF" else "")
