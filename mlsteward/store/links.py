"""Links between terms and assets: every version of each."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.link import Link
from mlsteward.dictionary.suggest import suggest_links
from mlsteward.errors import InvalidArgument
from mlsteward.store.changes import count_change
from mlsteward.store.transaction import Transaction

_FIELDS = "term asset version state origin confidence reason actor changed".split()
_IN_FORCE = "version = (SELECT max(version) FROM links AS o WHERE o.term = l.term AND o.asset = l.asset)"


def all_links(transaction: Transaction) -> list[Link]:
    """Every link in force, rejected and removed ones too."""
    return _links(transaction, _IN_FORCE, [])


def links_of(transaction: Transaction, about: str) -> list[Link]:
    """The links in force of a term or an asset."""
    return _links(transaction, f"(term = ? OR asset = ?) AND {_IN_FORCE}", [about, about])


def link_history(transaction: Transaction, about: str) -> list[Link]:
    """Every version of every link of a term or an asset, newest first."""
    return _links(transaction, "term = ? OR asset = ?", [about, about])


def set_links(transaction: Transaction, pairs: Mapping[tuple[str, str], bool], actor: str) -> list[Link]:
    """A person's word on pairs of term and asset: true links them, false rejects or unlinks. Returns what changed."""
    wanted = [
        Link(term=term, asset=asset, state="approved" if wanted else "rejected", origin="person")
        for (term, asset), wanted in pairs.items()
    ]
    return _write(transaction, wanted, actor)


def add_suggestions(
    transaction: Transaction, terms: Sequence[Entry], entries: Sequence[Entry], actor: str
) -> list[Link]:
    """Suggest links between terms and assets, where no link is and none was rejected. Returns those that are new."""
    live = [term for term in terms if not term.status.startswith("deprecated")]
    suggested = suggest_links(live, [entry for entry in entries if not entry.gone]) if live else []
    if not suggested:
        return []
    known = {(link.term, link.asset): link.state for link in all_links(transaction)}
    new = [link for link in suggested if known.get((link.term, link.asset), "removed") == "removed"]
    return _write(transaction, new, actor)


def link_reads(
    transaction: Transaction, term: str, assets: Iterable[str], actor: str, *, reason: str = ""
) -> list[Link]:
    """What a metric's SQL reads now, in place of what it read before. Returns what changed."""
    reads = set(assets)
    before = {link.asset for link in links_of(transaction, term) if link.origin == "sql" and link.state == "approved"}
    links = [Link(term=term, asset=asset, state="approved", origin="sql", reason=reason) for asset in sorted(reads)]
    links += [Link(term=term, asset=asset, state="removed", origin="sql") for asset in sorted(before - reads)]
    return _write(transaction, links, actor)


def _write(transaction: Transaction, links: Sequence[Link], actor: str) -> list[Link]:
    if not links:
        return []
    now = datetime.now(UTC)
    known = {(link.term, link.asset): link for link in all_links(transaction)}
    added: list[Link] = []
    for link in links:
        current = known.get((link.term, link.asset))
        if current and current.state == link.state and (link.origin == "person" or current.reason == link.reason):
            continue
        if current and current.origin == "sql" and link.state == "rejected":
            raise InvalidArgument(f"{link.term} reads {link.asset} in its SQL, so that link stays as long as it does.")
        version = current.version + 1 if current else 1
        added.append(link.model_copy(update={"version": version, "actor": actor, "changed": now}))
    if added:
        transaction.insert("links", [link.model_dump() for link in added])
        count_change(transaction)
    return added


def _links(transaction: Transaction, where: str, parameters: Sequence[object]) -> list[Link]:
    columns = ", ".join(_FIELDS)
    rows: list[tuple[Any, ...]] = transaction.rows(
        f"SELECT {columns} FROM links AS l WHERE {where} ORDER BY term, asset, version DESC", parameters
    )
    return [Link.model_validate(dict(zip(_FIELDS, row, strict=True))) for row in rows]
