"""What stands in the FROM of a statement: its columns, and the columns that decide its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from mlsteward.lineage.expressions import ExpressionTracer, Part, children
from mlsteward.lineage.flow import Deciding, Flow, Output, Relation, Scope, Unfollowed, merged

_ONE_SIDED = ("SEMI", "ANTI")


class TableTracer(ExpressionTracer):
    """Traces what stands in FROM; `schemas` has the columns of the tables there are."""

    def __init__(self, aggregates: frozenset[str], schemas: Mapping[str, Sequence[str]]) -> None:
        super().__init__(aggregates)
        self._tables = {name.casefold(): (name, columns) for name, columns in schemas.items()}

    def expand(self, star: Part, scope: Scope) -> list[Output]:
        """The columns that a `*` stands for."""
        raise NotImplementedError

    def read_from(self, part: Part, scope: Scope) -> Deciding:
        """Put the tables of FROM into `scope`; returns the columns that decide their rows."""
        match part["type"]:
            case "EMPTY":
                return frozenset()
            case "JOIN":
                return self._join(part, scope)
            case "BASE_TABLE":
                relation = self._table(part, scope)
            case "SUBQUERY":
                relation = self.query(part["subquery"]["node"], scope.inside())
            case "TABLE_FUNCTION":
                relation = self._table_function(part["function"], scope)
            case "EXPRESSION_LIST":
                relation = self._values(part, scope)
            case "PIVOT":
                relation = self._unpivot(part, scope) if "unpivot_names" in part else self._pivot(part, scope)
            case kind:
                raise Unfollowed(kind)
        named = relation.renamed(part.get("alias", ""), part.get("column_name_alias", ()))
        scope.relations.append(replace(named, rows=frozenset()))
        return relation.rows

    def _table(self, part: Part, scope: Scope) -> Relation:
        path = ".".join(part["qualified_name"]["path"])
        known = scope.ctes.get(path.casefold())
        if known:
            return known.renamed(path)
        if path.casefold() not in self._tables:
            raise Unfollowed(path)
        table, columns = self._tables[path.casefold()]
        outputs = [Output(column, Flow({(table, column): "IDENTITY"})) for column in columns]
        return Relation(outputs, name=path.rpartition(".")[2])

    def _table_function(self, function: Part, scope: Scope) -> Relation:
        arguments = [argument["expression"] for argument in function.get("arguments", ())]
        flow = self.flows(arguments, scope).at_least("TRANSFORMATION")
        name = function["function_name"]
        # Each row beside it is there as often as it gives one.
        return Relation([Output(name, flow)], flow.deciding("JOIN"), name=name, open=True)

    def _values(self, part: Part, scope: Scope) -> Relation:
        columns = zip(*part["values"], strict=True)
        flows = [self.flows(cells, scope) for cells in columns]
        return Relation([Output(f"col{place}", flow) for place, flow in enumerate(flows)], name="valueslist")

    def _join(self, part: Part, scope: Scope) -> Deciding:
        before = len(scope.relations)
        rows = self.read_from(part["left"], scope)
        middle = len(scope.relations)
        rows |= self.read_from(part["right"], scope)
        left, right = scope.relations[before:middle], scope.relations[middle:]
        using = part.get("using_columns", ()) or (_shared(left, right) if part["ref_type"] == "NATURAL" else ())
        kind = part.get("join_type", "INNER")
        for name in using:
            ours, theirs = _first(left, name), _first(right, name)
            rows |= merged([ours, theirs]).deciding("JOIN")
            if kind in ("RIGHT", "FULL", "OUTER"):
                _set(left, name, theirs if kind == "RIGHT" else merged([ours, theirs]))
        if "condition" in part:
            rows |= self.flow(part["condition"], scope).deciding("JOIN")
        hidden = frozenset(name.casefold() for name in using)
        kept = [] if kind in _ONE_SIDED else [replace(one, hidden=one.hidden | hidden) for one in right]
        scope.relations[before:] = [*left, *kept]
        return rows

    def _pivot(self, part: Part, scope: Scope) -> Relation:
        """One column for each combination of the values pivoted on and each aggregate."""
        inner = scope.inside()
        rows = self.read_from(part["source"], inner)
        pivots = part["pivots"]
        on = [expression for pivot in pivots for expression in pivot["pivot_expressions"]]
        values = [self.flow(aggregate, inner) for aggregate in part["aggregates"]]
        deciding = self.deciding(on, inner, "CONDITIONAL")
        used = {name.casefold() for one in (*on, *part["aggregates"]) for name in _named(one)}
        everything = self.expand({"class": "STAR"}, inner)
        groups = [name.casefold() for name in part.get("groups", ())]
        kept = [
            one for one in everything if (one.name.casefold() in groups if groups else one.name.casefold() not in used)
        ]
        rows |= merged(output.flow for output in kept).deciding("GROUP_BY")
        names = _pivoted_names(part)
        flows = [value.decided_by(deciding) for _ in range(len(names) // len(values)) for value in values]
        made = [Output(name, flow) for name, flow in zip(names, flows, strict=True)]
        return Relation([*kept, *made], rows, name="pivot")

    def _unpivot(self, part: Part, scope: Scope) -> Relation:
        inner = scope.inside()
        rows = self.read_from(part["source"], inner)
        (pivot,) = part["pivots"]
        taken: list[Output] = []
        for entry in pivot["entries"]:
            expression = entry.get("star_expr")
            if expression is None:
                raise Unfollowed("UNPIVOT")
            if expression["class"] == "STAR":
                taken += self.expand(expression, inner)
            else:
                taken += [Output(name, self.flow(expression, inner)) for name in _named(expression)]
        names = {output.name.casefold() for output in taken}
        kept = [one for one in self.expand({"class": "STAR"}, inner) if one.name.casefold() not in names]
        value = merged(output.flow for output in taken).at_least("TRANSFORMATION")
        labels = [Output(name, Flow()) for name in pivot["unpivot_names"]]
        return Relation(
            [*kept, *labels, *(Output(name, value) for name in part["unpivot_names"])], rows, name="unpivot"
        )


def _shared(left: Sequence[Relation], right: Sequence[Relation]) -> list[str]:
    there = {output.name.casefold() for relation in right for output in relation.outputs}
    return [output.name for relation in left for output in relation.outputs if output.name.casefold() in there]


def _first(relations: Sequence[Relation], name: str) -> Flow:
    for relation in relations:
        if output := relation.column(name):
            return output.flow
    raise Unfollowed(name)


def _set(relations: list[Relation], name: str, flow: Flow) -> None:
    for place, relation in enumerate(relations):
        if output := relation.column(name):
            outputs = [Output(one.name, flow) if one is output else one for one in relation.outputs]
            relations[place] = replace(relation, outputs=outputs)
            return


def _named(part: Part) -> list[str]:
    """The columns that an expression names."""
    own = [part["column_names"][-1]] if part["class"] == "COLUMN_REF" else []
    return own + [name for child in children(part) for name in _named(child)]


def _pivoted_names(part: Part) -> list[str]:
    """The names of pivoted columns, as the engine makes them."""
    values = [[_entry_name(entry) for entry in pivot["entries"]] for pivot in part["pivots"]]
    aggregates = [aggregate.get("alias", "") for aggregate in part["aggregates"]]
    return ["_".join(filter(None, (*combined, name))) for combined in product(*values) for name in aggregates]


def _entry_name(entry: Part) -> str:
    if "alias" in entry:
        return entry["alias"]
    texts = [one["literal"]["text"] for one in children(entry) if "literal" in one]
    if not texts:
        raise Unfollowed("PIVOT")
    return "_".join(texts)
