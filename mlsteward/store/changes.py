"""How often anything has changed that readers of the dictionary remember."""

from mlsteward.store.transaction import Transaction


def change_count(transaction: Transaction) -> int:
    """A copy of the dictionary that was read at this count is good while the count stays."""
    row = transaction.row("SELECT count FROM dictionary_changes")
    return int(row[0]) if row else 0


def count_change(transaction: Transaction) -> None:
    """Whoever changes entries, relationships, links, comments, alerts, health or the newest version says so."""
    transaction.execute("UPDATE dictionary_changes SET count = count + 1")
