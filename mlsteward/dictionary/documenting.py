"""A person's words about an asset, checked before they are recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

from mlsteward.dictionary.entry import ROLES, WORDS, AvailableAt, Entry
from mlsteward.dictionary.lifecycle import read_day
from mlsteward.dictionary.sensitivity import LEVELS
from mlsteward.dictionary.term import term_name
from mlsteward.errors import InvalidArgument, NotFound, NotSupported
from mlsteward.names import Reference, close_names, parse_reference

LONGEST = 4000
_OF_COLUMNS_ONLY = frozenset({"role", "available_at", "allowed_values"})
# What cannot be said of an asset of each kind.
_NOT_OF = {
    "column": frozenset({"synonyms", "sql"}),
    "dataset": _OF_COLUMNS_ONLY | {"unit", "synonyms", "sql"},
    "model": _OF_COLUMNS_ONLY | {"unit", "synonyms", "sql", "sensitivity"},
    "term": _OF_COLUMNS_ONLY | {"sensitivity"},
}
_MOMENTS = tuple(moment for moment in get_args(AvailableAt) if moment)


def asset_reference(text: str) -> Reference:
    """The dataset, column, term or model that a text means, whatever its version: `flights`, `flights.dep_delay`, …"""
    bare = text.strip()
    is_column = "." in bare and ":" not in bare
    reference = parse_reference(bare, default="column" if is_column else "dataset")
    if reference.kind not in _NOT_OF:
        raise NotSupported(f"{text!r} is a {reference.kind}; datasets, columns, terms and models can be documented.")
    name = term_name(reference.name) if reference.kind == "term" else reference.name
    return replace(reference, name=name, version="")


def document(entry: Entry, words: Mapping[str, str | Sequence[str]], writer: str) -> Entry:
    """`entry` with the words that are not empty, each marked as `writer`'s."""
    given = {field: _tidy(words[field]) for field in WORDS if words.get(field)}
    given = {field: value for field, value in given.items() if value}
    if wrong := sorted(_NOT_OF[entry.kind] & given.keys()):
        raise _cannot_be_said(entry, wrong)
    _check("role", given.get("role"), ROLES)
    _check("available_at", given.get("available_at"), _MOMENTS)
    _check("sensitivity", given.get("sensitivity"), LEVELS)
    for field, value in given.items():
        if sum(map(len, value)) > LONGEST:
            raise InvalidArgument(f"{field} of {entry.name} is longer than {LONGEST} characters.")
    if review_by := given.get("review_by"):
        given["review_by"] = read_day(str(review_by))
    since = datetime.now(UTC).date().isoformat() if "status" in given else entry.since
    return Entry.model_validate(
        {**entry.model_dump(), **given, "since": since, "writers": dict.fromkeys(given, writer)}
    )


def _cannot_be_said(entry: Entry, wrong: Sequence[str]) -> InvalidArgument:
    if entry.kind == "dataset" and set(wrong) & (_OF_COLUMNS_ONLY | {"unit"}):
        following = f'document_asset(asset="{entry.name}.<column>", {wrong[0]}="…")'
        kinds = "a column"
    else:
        following = f'document_asset(asset="{entry.name}", description="…")'
        kinds = " or ".join(f"a {kind}" for kind, fields in _NOT_OF.items() if not set(wrong) & fields)
    return InvalidArgument(
        f"{', '.join(wrong)} can be said of {kinds}, and {entry.name} is a {entry.kind}.", next=following
    )


def document_columns(entries: Sequence[Entry], descriptions: Mapping[str, str], writer: str) -> list[Entry]:
    """The columns among `entries` that `descriptions` names, described; NotFound names all that are not there."""
    known = {entry.column.casefold(): entry for entry in entries if entry.kind == "column" and not entry.gone}
    unknown = [name for name in descriptions if name.strip().casefold() not in known]
    if unknown:
        names = [entry.column for entry in known.values()]
        close = [found for name in unknown for found in close_names(name, names, limit=1)]
        dataset = entries[0].dataset
        raise NotFound(
            f"{dataset} has no column {', '.join(map(repr, unknown))}; nothing was written.",
            close=close,
            next=f'lookup_data_dictionary(dataset="{dataset}")',
        )
    described = {known[name.strip().casefold()].asset: text for name, text in descriptions.items() if text.strip()}
    chosen = [entry for entry in known.values() if entry.asset in described]
    return [document(entry, {"description": described[entry.asset]}, writer) for entry in chosen]


def _tidy(value: str | Sequence[str]) -> str | list[str]:
    if isinstance(value, str):
        return value.strip()
    return list(dict.fromkeys(item.strip() for item in value if item.strip()))


def _check(field: str, value: str | Sequence[str] | None, allowed: Sequence[str]) -> None:
    if isinstance(value, str) and value and value not in allowed:
        close = close_names(value, allowed, limit=1)
        raise InvalidArgument(f"{field} is one of {', '.join(allowed)}, and not {value!r}.", close=close)
