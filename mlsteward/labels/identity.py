"""How a row is named so that labels find it again in later versions of its dataset."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mlsteward.data.engine import row_of
from mlsteward.data.rows import hash_expression, text_expression
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument
from mlsteward.labels.companions import is_companion
from mlsteward.record import Record

if TYPE_CHECKING:
    import duckdb


class Identity(Record):
    """By the value of `key`, a column without nulls or repeats; else by a hash of the values of `hashed`."""

    key: str = ""
    hashed: list[str] = []

    @property
    def columns(self) -> list[str]:
        return [self.key] if self.key else self.hashed

    def expression(self, columns: Sequence[Column]) -> str:
        """A SQL expression of type VARCHAR: what names a row. Rows with the same values have one name."""
        mine = [column for column in columns if column.name in self.columns]
        return text_expression(mine[0]) if self.key else f"printf('%016x', {hash_expression(mine)})"

    def fits(self, columns: Sequence[Column]) -> bool:
        """Whether a version has all the columns that this needs."""
        return set(self.columns) <= {column.name for column in columns}


def check_key(connection: "duckdb.DuckDBPyConnection", identity: Identity, dataset: str) -> None:
    """Raise InvalidArgument where the key does not name each row of the table `named` (by `row_name`) once."""
    if not identity.key:
        return
    rows, names = row_of(connection, "SELECT count(*), count(DISTINCT row_name) FROM named")
    if rows != names:
        raise InvalidArgument(
            f"`{identity.key}` is no key of {dataset}: {rows - names:,} of {rows:,} rows share a value or have none.",
            next=f'document_asset(asset="column:{dataset.partition("@")[0]}.{identity.key}", role="category")',
        )


def identity_of(columns: Sequence[Column], *, key: str, labels: Collection[str], hidden: Collection[str]) -> Identity:
    """By `key` where there is one that everybody may see; else by all columns that neither hold labels nor are hidden.

    `hidden` are the columns that not everybody may see: of few values, a hash could be guessed.
    """
    if key and key not in hidden:
        return Identity(key=key)
    names = [column.name for column in columns]
    return Identity(
        hashed=[name for name in names if name not in labels and name not in hidden and not is_companion(name, names)]
    )
