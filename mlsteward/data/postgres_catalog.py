"""What the catalog of a PostgreSQL database says of its tables: columns, comments, keys. Runs in workers alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlsteward.data.column_names import clean_names
from mlsteward.data.postgres_address import TableAddress, table_of, written
from mlsteward.data.postgres_types import TableColumn
from mlsteward.dictionary.declared import Declared, ForeignKey
from mlsteward.errors import InvalidArgument, NotFound, Refused
from mlsteward.names import close_names, suggest_name

if TYPE_CHECKING:
    from psycopg import Connection

_SHOWN = 40
_RELATIONS = """
    SELECT c.oid::bigint, n.nspname, c.relname, has_table_privilege(c.oid, 'SELECT'), row_security_active(c.oid),
           c.relispartition, pg_table_size(c.oid), coalesce(obj_description(c.oid, 'pg_class'), '')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND has_schema_privilege(n.oid, 'USAGE')
    ORDER BY n.nspname <> 'public', 2, 3
"""
# A domain is what it is based on, and its modifier that of the base.
_COLUMNS = """
    WITH RECURSIVE typed AS (
        SELECT attnum, attname, atttypid AS type, atttypmod AS modifier, format_type(atttypid, atttypmod) AS shown
        FROM pg_attribute WHERE attrelid = %(table)s AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT attnum, attname, typbasetype, CASE WHEN typtypmod >= 0 THEN typtypmod ELSE modifier END, shown
        FROM typed JOIN pg_type ON oid = type WHERE typtype = 'd'
    )
    SELECT attname, CASE WHEN typnamespace = 'pg_catalog'::regnamespace THEN typname ELSE '' END, typtype::text,
           typcategory::text, modifier, shown, coalesce(col_description(%(table)s, attnum), ''),
           ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = type ORDER BY enumsortorder)
    FROM typed JOIN pg_type ON oid = type WHERE typtype <> 'd' ORDER BY attnum
"""
_CONSTRAINTS = """
    SELECT con.contype::text, n.nspname, c.relname,
           ARRAY(SELECT attname::text FROM unnest(con.conkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute ON attrelid = con.conrelid AND attnum = number ORDER BY place),
           coalesce(tn.nspname, ''), coalesce(tc.relname, ''),
           ARRAY(SELECT attname::text FROM unnest(con.confkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute ON attrelid = con.confrelid AND attnum = number ORDER BY place)
    FROM pg_constraint AS con
    JOIN pg_class AS c ON c.oid = con.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_class AS tc ON tc.oid = con.confrelid LEFT JOIN pg_namespace AS tn ON tn.oid = tc.relnamespace
    WHERE con.contype IN ('p', 'f') AND con.conparentid = 0
      AND (con.conrelid = %(table)s OR (con.contype = 'f' AND con.confrelid = %(table)s))
    ORDER BY con.conname
"""


@dataclass(frozen=True)
class Relation:
    """A table, view, materialized view, foreign or partitioned table; `bytes` is 0 for what holds no rows itself."""

    oid: int
    schema: str
    name: str
    readable: bool
    filtered: bool
    partition: bool
    bytes: int
    comment: str

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def written(self) -> str:
        """The name as a source takes it after `#`."""
        return f"{written(self.schema)}.{written(self.name)}"


def find_relation(connection: "Connection[Any]", address: TableAddress) -> Relation:
    """The table that an address names, in any case where that is clear.

    Raises InvalidArgument where none is named, NotFound for an unknown one and Refused for one that may not be read.
    """
    relations = [Relation(*row) for row in connection.execute(_RELATIONS).fetchall()]
    wanted = f"{address.table_schema}.{address.table}"
    exact = [one for one in relations if one.full_name == wanted]
    folded = [one for one in relations if one.full_name.casefold() == wanted.casefold()]
    for found in (exact, folded):
        if len(found) == 1:
            if not found[0].readable:
                raise Refused(f"The user {connection.info.user} may not SELECT from {found[0].full_name}.")
            return found[0]
    raise _not_found(address, relations)


def _not_found(address: TableAddress, relations: list[Relation]) -> InvalidArgument | NotFound:
    place = address.model_copy(update={"table_schema": "", "table": ""}).url(options=False)
    offered = [one for one in relations if one.readable and not one.partition]
    schema = address.table if address.table_schema == "public" or address.table == "*" else ""
    inside = [one for one in offered if one.schema == (address.table_schema if schema == "*" else schema)]
    if not address.table or inside:
        listed = inside or offered
        what = f"The schema {inside[0].schema}" if inside else place
        first = listed[0] if listed else None
        example = (
            f"register_dataset(name={suggest_name(first.name)!r}, source='{place}#{first.written}')" if first else ""
        )
        return InvalidArgument(f"{what} has {_listed(listed)} Name one.", next=example)
    wanted = f"{address.table_schema}.{address.table}"
    close = [f"{place}#{name}" for name in close_names(wanted, [one.written for one in offered])]
    return NotFound(f"There is no table {wanted} in {place}; it has {_listed(offered)}", close=close)


def _listed(relations: list[Relation]) -> str:
    if not relations:
        return "no table that this user may read."
    names = [one.written + (f" ({one.comment[:60]})" if one.comment else "") for one in relations[:_SHOWN]]
    more = f" and {len(relations) - _SHOWN} more" if len(relations) > _SHOWN else ""
    return f"{len(relations)} tables: {', '.join(names)}{more}."


def read_columns(connection: "Connection[Any]", relation: Relation) -> list[TableColumn]:
    """The columns of a table, in its order."""
    rows = connection.execute(_COLUMNS, {"table": relation.oid}).fetchall()
    return [TableColumn(*values, labels=tuple(labels)) for *values, labels in rows]


def read_declared(
    connection: "Connection[Any]", address: TableAddress, relation: Relation, columns: list[TableColumn]
) -> Declared:
    """The comments and keys of a table; columns under the names that a dataset gives them."""
    clean = dict(zip((one.name for one in columns), clean_names([one.name for one in columns])[0], strict=True))
    constraints = connection.execute(_CONSTRAINTS, {"table": relation.oid}).fetchall()

    def table(schema: str, name: str) -> str:
        return table_of(address.model_copy(update={"table_schema": schema, "table": name}).url())

    return Declared(
        table=table(relation.schema, relation.name),
        description=relation.comment,
        descriptions={clean[one.name]: one.comment for one in columns if one.comment},
        allowed_values={clean[one.name]: list(one.labels) for one in columns if one.labels},
        key=next(([clean[name] for name in row[3]] for row in constraints if row[0] == "p"), []),
        foreign_keys=[
            ForeignKey(table=table(row[1], row[2]), columns=row[3], to_table=table(row[4], row[5]), to_columns=row[6])
            for row in constraints
            if row[0] == "f"
        ],
    )
