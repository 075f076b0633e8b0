"""The dictionary as one process remembers it, read again only when some process has changed it."""

import threading
from weakref import WeakKeyDictionary

from mlsteward.dictionary.catalogue import Catalogue
from mlsteward.store.changes import change_count
from mlsteward.store.dictionary import all_entries
from mlsteward.store.relationships import all_relationships
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction

_LAST: WeakKeyDictionary[Store, Catalogue] = WeakKeyDictionary()
_LOCK = threading.Lock()


def read_catalogue(store: Store) -> Catalogue:
    """The dictionary as it stands. One short query where nothing changed since the last call."""
    with _LOCK:
        known = _LAST.get(store)

    def read(transaction: Transaction) -> Catalogue:
        change = change_count(transaction)
        if known and known.change == change:
            return known
        return Catalogue(change, all_entries(transaction), all_relationships(transaction))

    found = store.read(read)
    with _LOCK:
        _LAST[store] = found
    return found
