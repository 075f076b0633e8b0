"""The data dictionary: every version of every entry."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mlsteward.dictionary.documenting import asset_reference
from mlsteward.dictionary.entry import Entry, merge, model_entry, same_words
from mlsteward.dictionary.sensitivity import higher
from mlsteward.dictionary.term import called, phrases, spelling
from mlsteward.errors import NotFound
from mlsteward.names import Reference, close_names
from mlsteward.store.changes import count_change
from mlsteward.store.links import add_suggestions
from mlsteward.store.models import find_model, model_names
from mlsteward.store.transaction import Transaction

_FIELDS = (
    "asset version kind dataset column_name position type description business_name unit role owner tags sensitivity"
    " available_at allowed_values usage synonyms sql status since review_by writers facts gone actor changed"
).split()
_JSON = frozenset({"tags", "allowed_values", "synonyms", "writers", "facts"})
# Of each asset that a WHERE before it finds, the newest version.
_IN_FORCE = "QUALIFY d.version = max(d.version) OVER (PARTITION BY d.asset)"


def column_entries(transaction: Transaction, dataset: str) -> list[Entry]:
    """The columns of the newest version of a dataset, in its order."""
    return [entry for entry in entries_of(transaction, dataset) if entry.kind == "column" and not entry.gone]


def entries_of(transaction: Transaction, dataset: str) -> list[Entry]:
    """All that is in force about a dataset: its own entry first, then its columns, those that are gone last."""
    return _entries(transaction, f"d.dataset = ? {_IN_FORCE}", [dataset])


def all_entries(transaction: Transaction) -> list[Entry]:
    """Every entry in force, by dataset and position."""
    return _entries(transaction, f"true {_IN_FORCE}", [])


def find_entry(transaction: Transaction, text: str) -> Entry:
    """The entry of `flights`, `dataset:flights`, `flights.dep_delay`, `column:flights.dep_delay`, `term:late_flight` or
    `model:delay`. Nothing may be recorded about a model yet; its entry has no version then.

    Raises NotFound with what was close.
    """
    reference = asset_reference(text)
    if reference.kind == "term":
        return find_term(transaction, text)
    if reference.kind == "model":
        name = find_model(transaction, reference.bare).name
        known = _entries(transaction, f"d.asset = ? {_IN_FORCE}", [f"model:{name}"])
        return known[0] if known else model_entry(name)
    entries = entries_of(transaction, reference.name)
    wanted = reference.column.casefold()
    for entry in entries:
        if entry.column.casefold() == wanted and not entry.gone:
            return entry
    raise _not_found(transaction, reference, entries)


def all_terms(transaction: Transaction) -> list[Entry]:
    """The entries of all terms and metrics in force."""
    return _entries(transaction, f"d.kind = 'term' {_IN_FORCE}", [])


def find_term(transaction: Transaction, text: str) -> Entry:
    """The term of that name, spelling or synonym: `late_flight`, `term:late_flight`, `Late flights`."""
    terms = all_terms(transaction)
    found = called(text, terms)
    if found:
        return found[0]
    known = {phrase: term.own_name for term in terms for phrase in (*phrases(term), term.own_name)}
    close = list(dict.fromkeys(f"term:{known[phrase]}" for phrase in close_names(spelling(text), known)))
    raise NotFound(
        f"There is no term {spelling(text)!r}.",
        close=close,
        next=f'define_term(term="{spelling(text)}", definition="…")',
    )


def _not_found(transaction: Transaction, reference: Reference, entries: Sequence[Entry]) -> NotFound:
    if entries:
        wanted, names = f"{reference.name}.{reference.column}", [entry.name for entry in entries if entry.column]
    else:
        wanted = reference.name
        rows = transaction.rows("SELECT DISTINCT dataset FROM dictionary ORDER BY ALL")
        names = [name for (name,) in rows]
    where = [f"{dataset}.{name}" for dataset, name in _named_columns(transaction, reference.name)]
    terms = [] if entries else [term.asset for term in called(wanted, all_terms(transaction))]
    close = where or terms or close_names(wanted, names)
    call = f'lookup_data_dictionary(dataset="{reference.name}")' if entries else "list_datasets()"
    kind = "column" if entries else "dataset"
    return NotFound(f"There is no {kind} {wanted!r} in the dictionary.", close=close, next=call)


def _named_columns(transaction: Transaction, name: str) -> list[tuple[str, str]]:
    rows = transaction.rows(
        "SELECT DISTINCT dataset, column_name FROM dictionary WHERE lower(column_name) = ? AND NOT gone ORDER BY ALL",
        [name.casefold()],
    )
    return [(dataset, column) for dataset, column in rows]


def entry_history(transaction: Transaction, dataset: str) -> list[Entry]:
    """Every version of every entry about a dataset, an asset's newest first."""
    found = _entries(transaction, "d.dataset = ?", [dataset])
    return sorted(found, key=lambda entry: (entry.asset, -entry.version))


def versions_of_entry(transaction: Transaction, asset: str) -> list[Entry]:
    """Every version of one entry, newest first."""
    found = _entries(transaction, "d.asset = ?", [asset])
    return sorted(found, key=lambda entry: -entry.version)


def write_entries(transaction: Transaction, entries: Sequence[Entry], actor: str) -> list[Entry]:
    """Take in the harvest of one whole dataset version; returns the entries that got a new version.

    What people wrote stays. Columns that are recorded but not among `entries` are marked as gone.
    """
    transaction, dataset = transaction.whole, entries[0].dataset
    known = {entry.asset: entry for entry in entries_of(transaction, dataset)}
    merged = [merge(known.get(entry.asset), entry) for entry in entries]
    here = {entry.asset for entry in entries}
    missing = [entry for asset, entry in known.items() if asset not in here and entry.kind == "column"]
    merged += [entry.model_copy(update={"gone": True}) for entry in missing]
    return _write(transaction, known, merged, actor)


def write_levels(transaction: Transaction, entries: Sequence[Entry], actor: str) -> None:
    """Take in how sensitive the columns of a version are that is kept aside: it can be read too.

    Columns that the newest version does not have are recorded as gone.
    """
    transaction = transaction.whole
    known = {entry.asset: entry for entry in entries_of(transaction, entries[0].dataset)}
    found: list[Entry] = []
    for entry in entries:
        current = known.get(entry.asset)
        if current is None:
            found.append(entry.model_copy(update={"gone": True}))
        elif "sensitivity" not in current.writers:
            level = higher(current.sensitivity, entry.sensitivity)
            found.append(current.model_copy(update={"sensitivity": level}))
    _write(transaction, known, found, actor)


def write_words(transaction: Transaction, entries: Sequence[Entry], actor: str) -> list[Entry]:
    """Record a person's words: of each entry, the fields in `writers`. Returns the entries that got a new version."""
    transaction = transaction.whole
    wanted = ", ".join("?" for _ in entries)
    found = _entries(transaction, f"d.asset IN ({wanted}) {_IN_FORCE}", [entry.asset for entry in entries])
    known = {entry.asset: entry for entry in found}
    merged = [merge(known.get(entry.asset), entry) for entry in entries]
    return _write(transaction, known, merged, actor)


def _write(transaction: Transaction, known: dict[str, Entry], entries: Sequence[Entry], actor: str) -> list[Entry]:
    now = datetime.now(UTC).replace(tzinfo=None)
    added: list[Entry] = []
    for entry in entries:
        current = known.get(entry.asset)
        if current and same_words(current, entry):
            _refresh(transaction, current, entry)
        else:
            version = current.version + 1 if current else 1
            added.append(entry.model_copy(update={"version": version, "actor": actor, "changed": now}))
    if added:
        transaction.insert("dictionary", [_row(entry) for entry in added])
        _suggest(transaction, added, actor)
    count_change(transaction)
    return added


def _called_something(transaction: Transaction) -> list[Entry]:
    """What a term may be about, no more of each than its names: there may be thousands of columns."""
    rows = transaction.rows(
        "SELECT asset, kind, dataset, column_name, business_name FROM dictionary AS d"
        f" WHERE kind <> 'term' {_IN_FORCE} AND NOT gone"
    )
    fields = ("asset", "kind", "dataset", "column", "business_name")
    entries = [Entry.model_construct(**dict(zip(fields, row, strict=True))) for row in rows]
    known = {entry.asset for entry in entries}
    models = [model_entry(name) for name in model_names(transaction)]
    return [*entries, *(model for model in models if model.asset not in known)]


def _suggest(transaction: Transaction, changed: Sequence[Entry], actor: str) -> None:
    """Look for links between what changed and the rest."""
    terms = [entry for entry in changed if entry.kind == "term"]
    if terms:
        add_suggestions(transaction, terms, _called_something(transaction), actor)
    if len(terms) < len(changed) and (known := all_terms(transaction)):
        add_suggestions(transaction, known, [entry for entry in changed if entry.kind != "term"], actor)


def _refresh(transaction: Transaction, current: Entry, entry: Entry) -> None:
    if current.facts == entry.facts and current.position == entry.position:
        return
    transaction.execute(
        "UPDATE dictionary SET facts = ?, position = ? WHERE asset = ? AND version = ?",
        [entry.facts.model_dump_json(), entry.position, current.asset, current.version],
    )


def _row(entry: Entry) -> dict[str, object]:
    fields = entry.model_dump()
    return {name: fields[_field(name)] for name in _FIELDS}


def _entries(transaction: Transaction, where: str, parameters: Sequence[object]) -> list[Entry]:
    columns = ", ".join(f"d.{name}" for name in _FIELDS)
    rows = transaction.rows(
        f"SELECT {columns} FROM dictionary AS d WHERE {where}"
        " ORDER BY d.dataset, d.kind = 'column', d.gone, d.position, d.asset",
        parameters,
    )
    return [transaction.masks.entry(_entry(row)) for row in rows]


def _entry(row: Sequence[Any]) -> Entry:
    fields = {_field(name): value for name, value in zip(_FIELDS, row, strict=True)}
    for name in _JSON:
        fields[name] = json.loads(fields[name])
    return Entry.model_validate(fields)


def _field(column: str) -> str:
    return "column" if column == "column_name" else column
