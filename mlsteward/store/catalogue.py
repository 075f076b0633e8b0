"""The dictionary as one process remembers it, read again only when some process has changed it."""

import threading
from weakref import WeakKeyDictionary

from mlsteward.dictionary.catalogue import Catalogue
from mlsteward.dictionary.entry import model_entry
from mlsteward.store.changes import change_count
from mlsteward.store.check_results import health_words
from mlsteward.store.comments import all_feedback
from mlsteward.store.datasets import summaries
from mlsteward.store.dictionary import all_entries
from mlsteward.store.links import all_links
from mlsteward.store.relationships import all_relationships
from mlsteward.store.stale import stale_datasets
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction

_LAST: WeakKeyDictionary[Store, Catalogue] = WeakKeyDictionary()
_LOCK = threading.Lock()
_MOST_DATASETS = 1_000_000
_ALERTS = "SELECT asset, count(*) FROM alerts WHERE state <> 'resolved' GROUP BY asset"


def read_catalogue(store: Store) -> Catalogue:
    """The dictionary as it stands. One short query where nothing changed since the last call."""
    with _LOCK:
        known = _LAST.get(store)

    def read(transaction: Transaction) -> Catalogue:
        change = change_count(transaction)
        return known if known and known.change == change else _read(transaction, change)

    found = store.read(read)
    with _LOCK:
        _LAST[store] = found
    return found


def _read(transaction: Transaction, change: int) -> Catalogue:
    newest = summaries(transaction, limit=_MOST_DATASETS)[1]
    entries, links, feedback = all_entries(transaction), all_links(transaction), all_feedback(transaction)
    health, stale = health_words(transaction), stale_datasets(transaction)
    # A model of which nothing but a link or a comment is recorded.
    spoken_of = {link.asset for link in links} | feedback.keys()
    models = [asset for asset in spoken_of if asset.startswith("model:")]
    known = {entry.asset for entry in entries}
    entries += [model_entry(asset.partition(":")[2]) for asset in sorted(models) if asset not in known]
    return Catalogue(
        change,
        entries,
        all_relationships(transaction),
        links,
        feedback,
        {
            one.name: f"version {one.version} registered {one.created:%Y-%m-%d %H:%M} UTC"
            + "".join(f", {told[one.name]}" for told in (health, stale) if one.name in told)
            for one in newest
        },
        dict(transaction.rows(_ALERTS)),
    )
