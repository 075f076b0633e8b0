"""Terms of the glossary as they are defined: every version is kept, and only what is given changes."""

from collections.abc import Sequence

from mlsteward.dictionary.documenting import document
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.link import Link
from mlsteward.dictionary.metric import MetricValue
from mlsteward.dictionary.term import called, check_synonyms, key, new_term, spelling
from mlsteward.errors import InvalidArgument, InvalidName
from mlsteward.record import Record
from mlsteward.store.assets import pairs_to_link, resolve_status
from mlsteward.store.dictionary import all_terms, find_term, write_words
from mlsteward.store.links import links_of, set_links
from mlsteward.store.metric_values import Reads, keep_value, set_reads
from mlsteward.store.transaction import Transaction


class Definition(Record):
    """What a call says of a term; what is empty stays as it is. `value` and `reads` are those of `sql`."""

    term: str
    definition: str = ""
    synonyms: list[str] = []
    owner: str = ""
    related: list[str] = []
    sql: str = ""
    status: str = ""
    value: MetricValue | None = None
    reads: Reads = Reads([])


class SavedTerm(Record):
    """A term as it stands now. `changed` are the fields that got new words, [] where there is no new version."""

    entry: Entry
    created: bool
    changed: list[str]
    set_links: list[Link]
    links: list[Link]


def save_term(transaction: Transaction, given: Definition, actor: str) -> SavedTerm:
    """Define a term that is new, or change one that is there. Raises InvalidArgument, InvalidName and NotFound."""
    terms = all_terms(transaction)
    current = _current(given.term, terms)
    created = current is None
    entry = current or _new(given, terms)
    words = {
        "business_name": entry.business_name if created else "",
        "description": given.definition,
        "synonyms": _synonyms(entry, given.synonyms, terms),
        "owner": given.owner,
        "sql": given.sql.strip().rstrip(";").rstrip(),
        "status": resolve_status(transaction, entry, given.status or ("draft" if created else "")),
    }
    said = document(entry, words, actor)
    said = said.model_copy(update={"type": "metric" if said.sql else "term"})
    new = write_words(transaction, [said], actor) if said.writers else []
    entry = find_term(transaction, entry.asset)
    changed = set_links(transaction, pairs_to_link(transaction, entry, given.related), actor)
    if given.value:
        changed += set_reads(transaction, entry.asset, given.reads, actor)
        keep_value(transaction, entry, given.value)
    if not said.writers and not given.related:
        raise InvalidArgument(f"Nothing to write about {entry.asset}: give a definition, synonyms, related, sql, …")
    fields = [field for field in said.writers if created or _differs(current, said, field)] if new else []
    return SavedTerm(
        entry=entry, created=created, changed=fields, set_links=changed, links=links_of(transaction, entry.asset)
    )


def _current(text: str, terms: Sequence[Entry]) -> Entry | None:
    found = called(text, terms)
    if not found:
        return None
    wanted = key(spelling(text))
    if wanted in (key(found[0].own_name), key(found[0].business_name)):
        return found[0]
    raise InvalidArgument(
        f"“{spelling(text)}” is a synonym of {found[0].asset}, “{found[0].business_name}”: define that, or first give"
        " it synonyms without this one.",
        next=f'define_term(term="{found[0].asset}", definition="…")',
    )


def _new(given: Definition, terms: Sequence[Entry]) -> Entry:
    entry = new_term(given.term)
    if taken := next((term for term in terms if term.asset == entry.asset), None):
        raise InvalidName(
            f"“{spelling(given.term)}” would be written {taken.asset}, which is “{taken.business_name}” already: spell"
            " it another way."
        )
    if not given.definition.strip():
        raise InvalidArgument(
            f"There is no term “{entry.business_name}” yet, and a new term needs a definition.",
            next=f'define_term(term="{entry.business_name}", definition="…")',
        )
    return entry


def _synonyms(entry: Entry, synonyms: Sequence[str], terms: Sequence[Entry]) -> list[str]:
    tidy = check_synonyms(entry, synonyms)
    others = {key(term.business_name): term for term in terms if term.asset != entry.asset}
    for synonym in tidy:
        if other := others.get(key(synonym)):
            raise InvalidArgument(
                f"“{synonym}” is a term of its own, {other.asset}, and no synonym.",
                next=f'define_term(term="{entry.business_name}", related=["{other.asset}"])',
            )
    return tidy


def _differs(current: Entry | None, said: Entry, field: str) -> bool:
    return current is None or getattr(current, field) != getattr(said, field)
