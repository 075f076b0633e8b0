"""How many transactions have touched the dictionary and what hangs on it."""

from mlsteward.store.transaction import Transaction

_TABLES = ("dictionary", "relationships", "links", "comments")
_COUNT = ", ".join(f"(SELECT coalesce(max(change), 0) FROM {table})" for table in _TABLES)


def change_count(transaction: Transaction) -> int:
    """A copy of the dictionary that was read at this count is good while the count stays."""
    row = transaction.row(f"SELECT greatest({_COUNT})")
    return int(row[0]) if row else 0
