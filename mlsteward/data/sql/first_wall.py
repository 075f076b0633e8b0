"""The first wall: the tree of a statement, read before the engine may run it."""

import json
import re
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlsteward.data.sql import functions
from mlsteward.data.sql.shapes import EXPRESSIONS, NODES, PARTS, TABLES
from mlsteward.data.sql.statement import METADATA_SCHEMA, OUTCOMES_SCHEMA, PREDICTIONS_SCHEMA, Statement
from mlsteward.data.sql.words import parser_words
from mlsteward.errors import InvalidSQL
from mlsteward.names import close_names

if TYPE_CHECKING:
    import duckdb

LIMIT_BYTES = 32 * 1024
READ_FILES = "register_dataset(name=…, source=…)"

# The parser admits 1,000 levels, each of which takes a few in the tree.
_RECURSION = 20_000
_TREE = "SELECT json_serialize_sql(?::VARCHAR, skip_null := true, skip_empty := true, skip_default := true)"
_SYSTEM_NAMES = """
    SELECT lower(view_name) FROM duckdb_views() WHERE internal
    UNION SELECT lower(table_name) FROM duckdb_tables() WHERE internal
    UNION SELECT lower(function_name) FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')
"""
_DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}(@([0-9]{1,9}|[a-z][a-z0-9_-]{0,62}))?")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What stands under our own schemas, and how it may be called.
_DEPLOYMENT = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_OWN = {METADATA_SCHEMA: _PLAIN, PREDICTIONS_SCHEMA: _DEPLOYMENT, OUTCOMES_SCHEMA: _DEPLOYMENT}
# Where the engine looks functions up: a function behind one of these names is no method of a column.
_SCHEMAS = frozenset({"main", "memory", "system", "temp", "pg_catalog", "information_schema", *_OWN})
_READERS = re.compile(r"read_|sniff_|parquet_|glob|.*_scan$")

Scope = frozenset[str]
Part = dict[str, Any]


class FirstWall:
    """Reads statements with an engine of its own, which never runs them."""

    def __init__(self, engine: "duckdb.DuckDBPyConnection") -> None:
        self._engine = engine
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION))

    def read(self, sql: str) -> Statement:
        """The statement in `sql` and the tables it names. Raises InvalidSQL, saying what does not pass and why."""
        _check_text(sql)
        try:
            tree = json.loads(self._engine.execute(_TREE, [sql]).fetchall()[0][0])
            return Statement(sql, self._tables(sql, tree))
        except RecursionError:
            raise InvalidSQL("The statement is nested too deeply. Split it into CTEs with WITH.") from None

    def _tables(self, sql: str, tree: Part) -> tuple[str, ...]:
        if tree["error"]:
            raise self._unread(sql, tree)
        statements = tree["statements"]
        if len(statements) != 1:
            raise InvalidSQL(f"One SELECT statement is taken at a time; this text holds {len(statements)}.")
        if statements[0].keys() - {"node", "named_param_map"}:
            raise _unknown("statement")
        walk = _Walk(self._system_names)
        walk.visit(statements[0]["node"], "node", frozenset())
        return tuple(walk.tables)

    @cached_property
    def _system_names(self) -> frozenset[str]:
        return frozenset(name for (name,) in self._engine.execute(_SYSTEM_NAMES).fetchall())

    def _unread(self, sql: str, tree: Part) -> InvalidSQL:
        if not tree["error_message"].startswith("Only SELECT"):
            return parser_words(sql, tree["error_message"], tree.get("position"))
        kinds = [str(statement.type).rpartition(".")[2] for statement in self._engine.extract_statements(sql)]
        if len(kinds) == 1 and kinds[0] == "MULTI":
            return InvalidSQL(
                "PIVOT needs its values: list the values with IN, as in `PIVOT flights ON carrier IN ('UA', 'AA')"
                " USING sum(dep_delay)`."
            )
        if len(kinds) > 1:
            return InvalidSQL(f"One SELECT statement is taken at a time; this text holds {len(kinds)}.")
        return InvalidSQL(f"{_spoken(kinds[0])} is not taken: SQL here only reads, with SELECT.")


class _Walk:
    """One pass over a tree; `tables` holds the names found, in order."""

    def __init__(self, system_names: frozenset[str]) -> None:
        self.tables: dict[str, None] = {}
        self._system_names = system_names

    def visit(self, value: Any, holder: str, scope: Scope) -> None:
        if isinstance(value, list):
            for item in value:
                self.visit(item, holder, scope)
        elif isinstance(value, dict):
            self._visit_part(value, holder, scope)

    def _visit_part(self, part: Part, holder: str, scope: Scope) -> None:
        kind = _check_shape(part, holder)
        if kind.endswith("_NODE"):
            self._visit_query(part, scope)
            return
        if "class" in part:
            _check_expression(part)
        elif kind == "BASE_TABLE":
            self._check_table(part, scope)
        elif kind == "SHOW_REF":
            _check_show(part)
        elif kind == "TABLE_FUNCTION":
            self._visit_table_function(part, scope)
            return
        self._visit_fields(part, scope)

    def _visit_fields(self, part: Part, scope: Scope, but: tuple[str, ...] = ()) -> None:
        for name, value in part.items():
            if name not in but:
                self.visit(value, name, scope)

    def _visit_query(self, node: Part, scope: Scope) -> None:
        """A query sees the CTEs around it and its own; of its own, each sees only those before it."""
        for entry in node.get("cte_map", {}).get("map", ()):
            self._check_cte(entry["key"])
            self.visit(entry["value"], "value", scope)
            scope |= {entry["key"].lower()}
        if node["type"] == "RECURSIVE_CTE_NODE":
            self._check_cte(node["cte_name"])
            self.visit(node["right"], "right", scope | {node["cte_name"].lower()})
            self._visit_fields(node, scope, but=("cte_map", "right"))
        else:
            self._visit_fields(node, scope, but=("cte_map",))

    def _check_cte(self, name: str) -> None:
        if not _PLAIN.fullmatch(name):
            raise InvalidSQL(f'A CTE cannot be called "{name}": use letters, digits and _ only.')
        if name.lower() in self._system_names:
            raise InvalidSQL(
                f"A CTE cannot be called `{name}`: the engine has a table or table function of that name.",
                close=[f"{name}_1"],
            )

    def _check_table(self, part: Part, scope: Scope) -> None:
        path: list[str] = [name.lower() for name in part["qualified_name"]["path"]]
        if len(path) == 2 and path[0] in _OWN and _OWN[path[0]].fullmatch(path[1]):
            self.tables[".".join(path)] = None
            return
        if len(path) != 1:
            raise InvalidSQL(
                f"`{'.'.join(path)}` cannot be read: a table is a dataset's name alone, or stands under"
                f" {', '.join(f'`{schema}.`' for schema in _OWN)}, as in `{METADATA_SCHEMA}.runs`.",
                next="list_datasets()",
            )
        if path[0] in scope:
            return
        if not _DATASET.fullmatch(path[0]):
            raise InvalidSQL(
                f"`{path[0]}` is no dataset. SQL reads registered datasets by name (`flights`, or a version as"
                ' `"flights@2"` in double quotes); files and addresses are registered first.',
                next=READ_FILES,
            )
        self.tables[path[0]] = None

    def _visit_table_function(self, part: Part, scope: Scope) -> None:
        function = part["function"]
        if _check_shape(function, "function") != "FUNCTION":
            raise _unknown(str(function.get("class")))
        _check_function(function, functions.TABLE_FUNCTIONS, "table function", methods=False)
        self._visit_fields(function, scope)
        self._visit_fields(part, scope, but=("function",))


def _check_text(sql: str) -> None:
    try:
        size = len(sql.encode())
    except UnicodeEncodeError:
        raise InvalidSQL("The statement holds characters that are no valid Unicode text.") from None
    if size > LIMIT_BYTES:
        raise InvalidSQL(f"The statement has {size:,} bytes; at most {LIMIT_BYTES:,} are taken.")
    if "\0" in sql:
        raise InvalidSQL("The statement holds a NUL character.")
    if not sql.strip():
        raise InvalidSQL("The statement is empty.", next='query_data(sql="SELECT …")')


def _check_shape(part: Part, holder: str) -> str:
    """What `part` is; raises InvalidSQL unless it is listed and holds only fields that are."""
    kind = part.get("type")
    if "class" in part:
        kind, shape = str(part["class"]), EXPRESSIONS.get(part["class"])
    elif isinstance(kind, str) and holder != "sample_size":
        shape = NODES.get(kind) or TABLES.get(kind)
    else:
        kind, shape = holder, PARTS.get(holder)
    if shape is None:
        raise _unknown(kind)
    if extra := part.keys() - shape:
        raise _unknown(f"{kind} {sorted(extra)[0]}")
    return kind


def _unknown(kind: str) -> InvalidSQL:
    if kind == "PARAMETER":
        return InvalidSQL("The statement has a parameter (`?`, `$1`); write the value itself.")
    if kind.endswith("_NODE"):
        return InvalidSQL(f"{_spoken(kind)} is not taken, in a CTE neither: SQL here only reads, with SELECT.")
    if kind.startswith("SHOW_REF"):
        return _show_words()
    return InvalidSQL(f"The statement uses syntax that is not taken here: {_spoken(kind)}.")


def _spoken(kind: str) -> str:
    return kind.removesuffix("_NODE").removesuffix("_QUERY").replace("_", " ").upper()


def _check_expression(part: Part) -> None:
    if part["class"] == "FUNCTION":
        _check_function(part, functions.SCALARS | functions.AGGREGATES, "function", methods=True)
    elif part["class"] == "WINDOW":
        _check_function(part, functions.AGGREGATES | functions.WINDOWS, "window function", methods=False)


def _check_function(part: Part, allowed: frozenset[str], what: str, *, methods: bool) -> None:
    """A function of the list, called by its bare name, or as a method of a column: `name.lower()`."""
    *before, name = [name.lower() for name in part["qualified_name"]["path"]]
    if before and (not methods or _SCHEMAS.intersection(before)):
        raise InvalidSQL(f"`{'.'.join([*before, name])}` is not taken: call a function by its bare name.")
    if name in allowed:
        return
    if _READERS.match(name):
        raise InvalidSQL(f"`{name}` is not taken: files are registered as datasets first.", next=READ_FILES)
    raise InvalidSQL(
        f"There is no {what} `{name}` here: SQL may use those that compute from their arguments alone.",
        close=close_names(name, sorted(allowed)),
    )


def _check_show(part: Part) -> None:
    if "query" not in part or part.get("show_type") not in ("DESCRIBE", "SUMMARY"):
        raise _show_words()


def _show_words() -> InvalidSQL:
    return InvalidSQL("SHOW is not taken; DESCRIBE and SUMMARIZE of a dataset are.", next="list_datasets()")
