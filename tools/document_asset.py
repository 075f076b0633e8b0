"""The tool `document_asset`."""

from typing import NamedTuple

from pydantic import Field

from mlsteward.answer import Answer
from mlsteward.dictionary.documenting import document, document_columns
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.link import Link, in_sight
from mlsteward.errors import InvalidArgument
from mlsteward.server.declare import Call, Tool
from mlsteward.store.assets import pairs_to_link, resolve_status
from mlsteward.store.dictionary import entries_of, find_entry, write_words
from mlsteward.store.links import links_of, set_links
from mlsteward.store.masking import check_lowering
from mlsteward.store.transaction import Transaction


class Documented(NamedTuple):
    """What was written, what of it is new, and the links of the asset where any was set."""

    entry: Entry
    written: list[Entry]
    changed: list[Entry]
    set_links: list[Link]
    links: list[Link]


class DocumentAnswer(Answer):
    asset: str
    changed: list[str] = Field(default_factory=list[str], description="Entries that got a new version.")
    unchanged: list[str] = Field(default_factory=list[str], description="Entries that said the same already.")
    links: list[str] = Field(default_factory=list[str], description="Terms linked to it.")

    def body(self) -> list[str]:
        return [
            f"new versions: {', '.join(self.changed)}" if self.changed else "",
            f"linked: {'; '.join(self.links)}" if self.links else "",
        ]


def document_asset(
    call: Call,
    asset: str,
    description: str = "",
    columns: dict[str, str] = {},
    business_name: str = "",
    unit: str = "",
    role: str = "",
    owner: str = "",
    tags: list[str] = [],
    sensitivity: str = "",
    available_at: str = "",
    allowed_values: list[str] = [],
    usage: str = "",
    terms: list[str] = [],
    status: str = "",
    review_by: str = "",
) -> DocumentAnswer:
    """Write down what a dataset (`flights`), column (`flights.dep_delay`), term:late or model:delay means. Fields left
    out stay as they are.

    `columns={name: description}` describes many columns of a dataset in one call, all or none. role: key, event_time,
    target, measure, category, text, ignore. available_at: `before` or `after`, whether the value is known before or
    only after the moment of prediction; training sets `after` aside. sensitivity: public, internal, confidential,
    restricted; confirms or rejects a suspicion. terms: approves links to terms; a - before one
    rejects it. status: draft, review, approved, certified, `deprecated: SUCCESSOR`. review_by: a day, 2027-03-01.
    """
    words = {
        "description": description,
        "business_name": business_name,
        "unit": unit,
        "role": role,
        "owner": owner,
        "tags": tags,
        "sensitivity": sensitivity,
        "available_at": available_at,
        "allowed_values": allowed_values,
        "usage": usage,
        "review_by": review_by,
    }

    def write(transaction: Transaction) -> Documented:
        entry = find_entry(transaction, asset)
        if columns and entry.kind != "dataset":
            raise InvalidArgument(f"columns describes columns of a dataset, and {entry.name} is a {entry.kind}.")
        written = document_columns(entries_of(transaction, entry.dataset), columns, call.actor.name) if columns else []
        words["status"] = resolve_status(transaction, entry, status)
        own = document(entry, words, call.actor.name)
        check_lowering(transaction, entry, own)
        written += [own] if own.writers else []
        pairs = pairs_to_link(transaction, entry, terms)
        if not written and not pairs:
            raise InvalidArgument(f"Nothing to write about {entry.name}: give a description, an owner, …")
        changed = write_words(transaction, written, call.actor.name) if written else []
        set_now = set_links(transaction, pairs, call.actor.name)
        return Documented(entry, written, changed, set_now, links_of(transaction, entry.asset) if pairs else [])

    given = {**words, "columns": columns, "status": status, "terms": terms}
    why = f"wrote {', '.join(field for field, value in given.items() if value)}"
    return _answer(call.change(write, asset=lambda done: done.entry.asset, why=why))


def _answer(done: Documented) -> DocumentAnswer:
    new = {entry.asset for entry in done.changed}
    same = [entry.name for entry in done.written if entry.asset not in new]
    first = next(iter([*done.changed, *done.written]), done.entry)
    return DocumentAnswer(
        verdict=_verdict(done, same),
        asset=done.written[-1].asset if done.written else done.entry.asset,
        changed=[f"{entry.name} (version {entry.version})" for entry in done.changed[:60]],
        unchanged=same[:60],
        links=[link.words(done.entry.asset) for link in in_sight(done.links, done.entry.asset)[:10]],
        next=f'lookup_data_dictionary(query="{first.name}")'
        if len(done.written) <= 1
        else f'lookup_data_dictionary(dataset="{first.dataset}")',
    )


def _verdict(done: Documented, same: list[str]) -> str:
    words: list[str] = []
    if done.changed:
        words.append(
            f"Recorded for {_counted(done.changed)}" + (f"; {len(same)} said the same already" if same else "")
        )
    if done.set_links:
        ends = [f"{_other(link, done.entry)} {link.state}" for link in done.set_links]
        words.append(f"links of {done.entry.name}: {', '.join(ends)}")
    if not words:
        about = _counted(done.written) if done.written else done.entry.name
        return f"Nothing new: {about} already said so, so there is no new version."
    said = "; ".join(words)
    return f"{said[0].upper()}{said[1:]}."


def _other(link: Link, entry: Entry) -> str:
    return link.asset if link.term == entry.asset else link.term


def _counted(entries: list[Entry]) -> str:
    return entries[0].name if len(entries) == 1 else f"{len(entries)} entries of {entries[0].dataset}"


TOOL = Tool(document_asset, title="Document an asset", toolset="dictionary", read_only=False, idempotent=True)
