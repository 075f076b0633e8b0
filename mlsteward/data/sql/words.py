"""What the engine says about a statement, in words for the one who wrote it."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlsteward.errors import InvalidSQL
from mlsteward.names import close_names

if TYPE_CHECKING:
    import duckdb

_PREFIX = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_UNKNOWN_COLUMN = re.compile(
    r'Referenced column "(?P<first>[^"]+)" not found'
    r'|does not have a column named "(?P<second>[^"]+)"'
    r'|Column "(?P<third>[^"]+)" in \w+ list not found'
)
_ADVICE = re.compile(
    r"\n\s*(?:LINE \d+:|Possible solutions|See also|Candidate |Did you mean).*|\s*Use \"SET .*", re.DOTALL
)
_BARE_VERSION = re.compile(r"\b\w+@\w+")
_LONGEST = 500
_MOST_NAMES = 20


def parser_words(sql: str, message: str, position: str | None) -> InvalidSQL:
    """Why `sql` does not parse, and where."""
    words = _ADVICE.sub("", message).rstrip(".")
    bare = _BARE_VERSION.search(sql) if '"@"' in words else None
    hint = f' A version is written in double quotes: "{bare.group()}".' if bare else ""
    return InvalidSQL(f"The statement does not parse: {words}{_place(sql, position)}.{hint}")


def _place(sql: str, position: str | None) -> str:
    """Where in `sql` the parser stopped: ` (line 2, column 7)`, or nothing when it did not say."""
    if not position or not position.isdigit():
        return ""
    before = sql.encode()[: int(position)].decode(errors="ignore")
    line = before.count("\n") + 1
    return f" (line {line}, column {len(before) - before.rfind(chr(10))})"


def engine_words(
    error: "duckdb.Error | MemoryError", columns: Mapping[str, list[str]], hidden: Mapping[str, str]
) -> InvalidSQL:
    """The engine's `error` as InvalidSQL: readable, with the columns that were close, and without our paths.

    `columns` are those of each table that the statement names; `hidden` has, for a path, what to write for it.
    """
    text = str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException":
        return too_much_memory()
    if type(error).__name__ in ("InternalException", "FatalException"):
        return InvalidSQL("The engine failed inside on this statement. Write it in another way.")
    for path, shown in hidden.items():
        text = text.replace(path, shown)
    name = unknown_column(error)
    message = _PREFIX.sub("", _ADVICE.sub("", text)).strip()
    message = " ".join(message.split())[:_LONGEST].rstrip(".!") + "."
    if not name:
        return InvalidSQL(message)
    known = [column for table in columns.values() for column in table]
    close = close_names(name, known)
    if known and not close:
        message += f" The columns are {', '.join(known[:_MOST_NAMES])}{' …' if len(known) > _MOST_NAMES else ''}."
    return InvalidSQL(message, close=close, next=_look_up(columns))


def unknown_column(error: Exception) -> str:
    """The column that the engine does not find, "" when it has something else to say."""
    found = _UNKNOWN_COLUMN.search(str(error))
    return next(group for group in found.groups() if group) if found else ""


def _look_up(columns: Mapping[str, list[str]]) -> str:
    for table in columns:
        return f'query_data(sql="DESCRIBE {table}")' if "@" not in table else ""
    return ""


def too_much_memory() -> InvalidSQL:
    return InvalidSQL(
        "The statement needed more memory than a query may use. Aggregate or filter earlier, join on keys, or take"
        " fewer columns."
    )
