"""Which columns of its tables the columns of a statement's result come from. Only worker code calls this: it opens an
engine."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from mlsteward.data.engine import connect
from mlsteward.lineage.flow import Relation, Scope, Subtype, Unfollowed
from mlsteward.record import Record

_TREE = "SELECT json_serialize_sql(?::VARCHAR, skip_null := true, skip_empty := true, skip_default := true)"
_MEMORY_MB = 128


@dataclass(frozen=True)
class ColumnEdge:
    """`source_column` of the table `source_table` (as the statement names it) and `column` of the result.

    Direct: its values are in the column, as they are, transformed or aggregated. Indirect: it decides values or rows.
    `column` is "" where it decides which rows there are, and so is indirectly in every column. The subtype UNKNOWN is
    direct: the statement could not be followed, and the column may come from any.
    """

    column: str
    source_table: str
    source_column: str
    kind: Literal["direct", "indirect"]
    subtype: Subtype


class ColumnLineage(Record):
    """The edges of one statement, as a worker leaves them."""

    edges: list[ColumnEdge] = []


def column_lineage(sql: str, schemas: Mapping[str, Sequence[str]], columns: Sequence[str] = ()) -> list[ColumnEdge]:
    """The edges of a SELECT over tables with the columns `schemas`; `columns` are those of its result, if known.

    The statement is read as the engine's own parser reads it, so every statement that runs can be read. Names are
    spelled as in `schemas` and `columns`. Nothing is raised: where a statement cannot be followed, each of `columns`
    comes from every column, with the subtype UNKNOWN (without `columns`, one that is called "").
    """
    try:
        relation = _trace(sql, schemas)
    except (Unfollowed, RecursionError, LookupError, TypeError, ValueError, NotImplementedError):
        # A part of the tree that this version has not met: better nothing known than something wrong.
        return unknown_lineage(schemas, columns)
    if not _agrees(relation, columns):
        return unknown_lineage(schemas, columns)
    names = columns or [output.name for output in relation.outputs]
    return _edges(relation, names)


def unknown_lineage(schemas: Mapping[str, Sequence[str]], columns: Sequence[str]) -> list[ColumnEdge]:
    """Every column from every column."""
    return [
        ColumnEdge(column, table, source, "direct", "UNKNOWN")
        for column in columns or [""]
        for table, names in schemas.items()
        for source in names
    ]


def _trace(sql: str, schemas: Mapping[str, Sequence[str]]) -> Relation:
    import duckdb

    from mlsteward.lineage.queries import QueryTracer

    with closing(connect(memory_mb=_MEMORY_MB, threads=1)) as engine:
        try:
            tree = json.loads(engine.execute(_TREE, [sql]).fetchall()[0][0])
            if tree["error"] or len(tree["statements"]) != 1:
                raise Unfollowed(sql)
            return QueryTracer(engine, schemas).query(tree["statements"][0]["node"], Scope())
        except duckdb.Error as error:
            raise Unfollowed(sql) from error


def _agrees(relation: Relation, columns: Sequence[str]) -> bool:
    """Whether the result is the one that the engine gave, as far as names were traced."""
    if not columns:
        return True
    if len(relation.outputs) != len(columns):
        return False
    pairs = zip(relation.outputs, columns, strict=True)
    return all(not one.name or _same_name(one.name, name) for one, name in pairs)


def _same_name(traced: str, given: str) -> bool:
    """The engine sets a number behind a name that is there twice."""
    traced, given = traced.casefold(), given.casefold()
    return traced == given or given.startswith(traced)


def _edges(relation: Relation, names: Sequence[str]) -> list[ColumnEdge]:
    edges: list[ColumnEdge] = []
    for name, output in zip(names, relation.outputs, strict=True):
        edges += [ColumnEdge(name, *origin, "direct", subtype) for origin, subtype in output.flow.direct.items()]
        edges += [ColumnEdge(name, *origin, "indirect", subtype) for origin, subtype in sorted(output.flow.indirect)]
    return edges + [ColumnEdge("", *origin, "indirect", subtype) for origin, subtype in sorted(relation.rows)]
