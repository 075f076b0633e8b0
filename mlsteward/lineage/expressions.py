"""The flow into an expression of a statement, read off the engine's own tree."""

from collections.abc import Iterable, Iterator
from typing import Any

from mlsteward.lineage.flow import Deciding, Flow, Output, Relation, Scope, Subtype, merged

Part = dict[str, Any]
_NO_FLOW = Flow()
# Parts that hold a query of their own.
_QUERIES = ("SUBQUERY",)


class ExpressionTracer:
    """Traces expressions; what holds a query is left to `query`."""

    def __init__(self, aggregates: frozenset[str]) -> None:
        self.aggregates = aggregates
        # What stands for COLUMNS(…) while an item of a select list is traced once for each of its columns.
        self._star: Flow | None = None

    def query(self, node: Part, scope: Scope) -> Relation:
        raise NotImplementedError

    def flow(self, part: Part, scope: Scope) -> Flow:
        """The flow into one expression."""
        match part["class"]:
            case "COLUMN_REF":
                return scope.resolve(part["column_names"])
            case "FUNCTION":
                return self._function(part, scope)
            case "CASE":
                return self._case(part, scope)
            case "WINDOW":
                return self._window(part, scope)
            case "SUBQUERY":
                return self._subquery(part, scope)
            case "LAMBDA":
                return self._lambda(part, scope)
            case "STAR":
                return self._star or merged(relation.whole() for relation in scope.relations)
            case "POSITIONAL_REFERENCE":
                columns = [output for relation in scope.relations for output in relation.outputs]
                return columns[part["index"] - 1].flow
            case _:
                return self.flows(children(part), scope).at_least("TRANSFORMATION")

    def flow_for(self, part: Part, scope: Scope, star: Output) -> Flow:
        """The flow into an expression in which COLUMNS(…) is one column."""
        self._star = star.flow
        try:
            return self.flow(part, scope)
        finally:
            self._star = None

    def flows(self, parts: Iterable[Part], scope: Scope) -> Flow:
        return merged(self.flow(part, scope) for part in parts)

    def deciding(self, parts: Iterable[Part], scope: Scope, subtype: Subtype) -> Deciding:
        return self.flows(parts, scope).deciding(subtype)

    def has_aggregate(self, part: Part) -> bool:
        if part["class"] == "FUNCTION" and part["function_name"].lower() in self.aggregates:
            return True
        return any(self.has_aggregate(child) for child in children(part) if child["class"] not in _QUERIES)

    def _function(self, part: Part, scope: Scope) -> Flow:
        arguments = [argument["expression"] for argument in part.get("arguments", ())]
        name = part["function_name"].lower()
        deciding: Deciding = frozenset()
        if name == "if" and arguments:
            deciding |= self.flow(arguments.pop(0), scope).deciding("CONDITIONAL")
        if "filter" in part:
            deciding |= self.flow(part["filter"], scope).deciding("FILTER")
        deciding |= self.deciding(_ordered(part.get("order_bys", {}).get("orders", ())), scope, "SORT")
        done: Subtype = "AGGREGATION" if name in self.aggregates else "TRANSFORMATION"
        return self.flows(arguments, scope).at_least(done).decided_by(deciding)

    def _case(self, part: Part, scope: Scope) -> Flow:
        checks = part["case_checks"]
        values = [check["then_expr"] for check in checks] + ([part["else_expr"]] if "else_expr" in part else [])
        conditions = self.deciding((check["when_expr"] for check in checks), scope, "CONDITIONAL")
        return self.flows(values, scope).at_least("TRANSFORMATION").decided_by(conditions)

    def _window(self, part: Part, scope: Scope) -> Flow:
        orders = [*part.get("orders", ()), *part.get("arg_orders", ())]
        frame = [part[name] for name in ("start_expr", "end_expr", "filter_expr") if name in part]
        deciding = self.deciding([*part.get("partitions", ()), *_ordered(orders), *frame], scope, "WINDOW")
        values = [argument.get("expression", argument) for argument in part.get("arguments", ())]
        values += [part[name] for name in ("offset_expr", "default_expr") if name in part]
        aggregate = part["function_name"].lower() in self.aggregates
        return self.flows(values, scope).at_least("AGGREGATION" if aggregate else "TRANSFORMATION").decided_by(deciding)

    def _subquery(self, part: Part, scope: Scope) -> Flow:
        inner = self.query(part["subquery"]["node"], scope.inside())
        values = _NO_FLOW if part["subquery_type"].endswith("EXISTS") else inner.whole()
        child = self.flow(part["child"], scope) if "child" in part else _NO_FLOW
        return merged([values, child]).at_least("TRANSFORMATION").decided_by(inner.rows)

    def _lambda(self, part: Part, scope: Scope) -> Flow:
        inner = scope.inside()
        for reference in _references(part["lhs"]):
            # Its values are those of the list beside it, which count already.
            inner.named[reference.casefold()] = _NO_FLOW
        return self.flow(part["expr"], inner)


def _ordered(orders: Iterable[Part]) -> list[Part]:
    return [order["expression"] for order in orders]


def _references(part: Part) -> Iterator[str]:
    if part["class"] == "COLUMN_REF":
        yield part["column_names"][0]
    for child in children(part):
        yield from _references(child)


def children(part: Part) -> Iterator[Part]:
    """The expressions right under one, not into queries."""
    for name, value in part.items():
        if name != "subquery":
            yield from _expressions(value)


def _expressions(value: Any) -> Iterator[Part]:
    if isinstance(value, dict):
        held: Part = value  # pyright: ignore[reportUnknownVariableType] - JSON
        if "class" in held:
            yield held
        else:
            for inner in held.values():
                yield from _expressions(inner)
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType] - JSON
            yield from _expressions(item)
