"""The tool `document_asset`."""

from pydantic import Field

from mlsteward.answer import Answer
from mlsteward.dictionary.documenting import asset_reference, document, document_columns
from mlsteward.dictionary.entry import Entry
from mlsteward.errors import InvalidArgument
from mlsteward.server.declare import Call, Tool
from mlsteward.store.dictionary import entries_of, find_entry, write_words
from mlsteward.store.transaction import Transaction


class DocumentAnswer(Answer):
    asset: str
    changed: list[str] = Field(default_factory=list[str], description="Entries that got a new version.")
    unchanged: list[str] = Field(default_factory=list[str], description="Entries that said the same already.")

    def body(self) -> list[str]:
        return [f"new versions: {', '.join(self.changed)}" if self.changed else ""]


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
) -> DocumentAnswer:
    """Write down what a dataset (`flights`) or a column (`flights.dep_delay`) means. Fields left out stay as they are.

    `columns={name: description}` describes many columns of a dataset in one call, all or none. role: key, event_time,
    target, measure, category, text, ignore. available_at: `before` or `after`, whether the value is known before or
    only after the moment of prediction; training sets `after` aside.
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
    }

    def write(transaction: Transaction) -> tuple[list[Entry], list[Entry]]:
        entry = find_entry(transaction, asset)
        if columns and entry.kind == "column":
            raise InvalidArgument(f"columns describes columns of a dataset, and {entry.name} is a column.")
        written = document_columns(entries_of(transaction, entry.dataset), columns, call.actor.name) if columns else []
        own = document(entry, words, call.actor.name)
        written += [own] if own.writers else []
        if not written:
            raise InvalidArgument(f"Nothing to write about {entry.name}: give a description, an owner, …")
        return written, write_words(transaction, written, call.actor.name)

    return _answer(*call.change(write, asset=str(asset_reference(asset))))


def _answer(written: list[Entry], changed: list[Entry]) -> DocumentAnswer:
    new = {entry.asset for entry in changed}
    same = [entry.name for entry in written if entry.asset not in new]
    first = (changed or written)[0]
    if changed:
        verdict = f"Recorded for {_counted(changed)}" + (f"; {len(same)} said the same already." if same else ".")
    else:
        verdict = f"Nothing new: {_counted(written)} already said so, so there is no new version."
    return DocumentAnswer(
        verdict=verdict,
        asset=written[-1].asset,
        changed=[f"{entry.name} (version {entry.version})" for entry in changed[:60]],
        unchanged=same[:60],
        next=f'lookup_data_dictionary(query="{first.name}")'
        if len(written) == 1
        else f'lookup_data_dictionary(dataset="{first.dataset}")',
    )


def _counted(entries: list[Entry]) -> str:
    return entries[0].name if len(entries) == 1 else f"{len(entries)} entries of {entries[0].dataset}"


TOOL = Tool(
    document_asset, title="Document a dataset or its columns", toolset="dictionary", read_only=False, idempotent=True
)
