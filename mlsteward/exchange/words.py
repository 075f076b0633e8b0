"""Words of a document as words of the dictionary: what people wrote themselves stays."""

from collections.abc import Sequence

from mlsteward.dictionary.documenting import document
from mlsteward.dictionary.entry import Entry
from mlsteward.errors import StewardError
from mlsteward.exchange.document import Described


def imported_words(
    described: Described, entries: Sequence[Entry], writer: str, documents: Sequence[str]
) -> tuple[list[Entry], list[str]]:
    """The entries to write, their words marked as `writer`'s, and what was left alone, in words.

    A field that somebody wrote keeps its words, unless the writer ends with one of `documents`: an earlier import.
    """
    written: list[Entry] = []
    left: list[str] = []
    for entry in entries:
        said = described.words.get(entry.column if entry.kind == "column" else "", {})
        if entry.gone or entry.kind not in ("dataset", "column"):
            continue
        fields: dict[str, str | list[str]] = {}
        for field, value in said.items():
            by = entry.writers.get(field, "")
            if by and not by.endswith(tuple(documents)):
                if entry.word(field) != (", ".join(value) if isinstance(value, list) else value):
                    left.append(f"{field} of {entry.name}: {by} has written another")
            else:
                fields[field] = value
        changed, wrong = _documented(entry, fields, writer)
        written += [changed] if changed else []
        left += wrong
    return written, left


def _documented(entry: Entry, fields: dict[str, str | list[str]], writer: str) -> tuple[Entry | None, list[str]]:
    """`entry` with the words that it can hold, None where there are none, and what is wrong with the others."""
    wrong: list[str] = []
    held: dict[str, str | list[str]] = {}
    for field, value in fields.items():
        try:
            document(entry, {field: value}, writer)
            held[field] = value
        except StewardError as error:
            wrong.append(f"{field} of {entry.name}: {error.said()}")
    return (document(entry, held, writer) if held else None), wrong
