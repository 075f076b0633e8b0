"""What the dictionary answers to a question."""

from pydantic import Field

from mlsteward.answer import Answer, counted
from mlsteward.dictionary.card import Card, card_of
from mlsteward.dictionary.catalogue import Catalogue
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.listing import Listing, list_entries
from mlsteward.dictionary.search import named_entries, names_like, unknown_name
from mlsteward.errors import NotFound

CARDS = 3


class DictionaryAnswer(Answer):
    total: int = Field(default=0, description="How many columns or datasets match.")
    cards: list[Card] = Field(default_factory=list[Card])
    columns: Listing | None = Field(default=None, description="<words> were harvested, other words are a person's.")
    relationships: list[str] = Field(default_factory=list[str])
    page: str | None = Field(default=None, description="Where everything stands.")

    def body(self) -> list[str]:
        lines: list[str] = []
        for place, card in enumerate(self.cards):
            # The answer's own verdict opens with that of the first card.
            lines += [card.verdict if place else "", *card.lines()]
        if self.columns:
            lines += self.columns.text()
            if any(line.harvested for line in self.columns.lines):
                lines.append("<words> were harvested, other words are a person's")
            if self.columns.left_out:
                lines.append(f"{self.columns.left_out} more: {self.page}")
        if self.relationships:
            lines.append("relationships: " + "; ".join(self.relationships))
        return lines


def look_up(catalogue: Catalogue, query: str, dataset: str, limit: int) -> DictionaryAnswer:
    """All columns of a dataset, all that is known of a named column, or what a query finds.

    Raises NotFound, with what was close, for a dataset that is not there and for a query that nothing matches.
    """
    name = catalogue.find_dataset(dataset) if dataset else ""
    if not query.strip():
        return _dataset(catalogue, name) if name else _overview(catalogue)
    entries = catalogue.dataset(name) if name else catalogue.entries
    named = named_entries(query, entries)
    if not name and [entry.kind for entry in named] == ["dataset"]:
        return _dataset(catalogue, named[0].dataset)
    return _cards(catalogue, named) if named else _search(catalogue, query, entries, name, max(1, limit))


def _overview(catalogue: Catalogue) -> DictionaryAnswer:
    datasets = catalogue.datasets
    if not datasets:
        return DictionaryAnswer(verdict="The dictionary is empty: no dataset is registered.", next="list_datasets()")
    return DictionaryAnswer(
        verdict=f"The dictionary describes {counted(len(datasets), 'dataset')}.",
        total=len(datasets),
        columns=list_entries(datasets),
        next=f'lookup_data_dictionary(dataset="{datasets[0].dataset}")',
    )


def _dataset(catalogue: Catalogue, name: str) -> DictionaryAnswer:
    table, *columns = catalogue.dataset(name)
    here = [column for column in columns if not column.gone]
    silent = [column for column in here if not column.description]
    gone = [column.column for column in columns if column.gone]
    parts = [
        f"{name} has {counted(len(here), 'column')} and {counted(table.facts.rows, 'row')}",
        f"{counted(len(silent), 'column has', 'columns have')} no description"
        if silent
        else "every column has a description",
        f"owner: {table.owner}" if table.owner else "no owner recorded",
        "no longer there: " + ", ".join(gone[:5]) if gone else "",
    ]
    about = f" {table.description[:300]}" if table.description else ""
    example = (silent or here or columns)[0].column
    return DictionaryAnswer(
        verdict="; ".join(part for part in parts if part) + "." + about,
        total=len(here),
        columns=list_entries(here),
        relationships=[f"{one.words} ({100 * one.coverage:.3g} %)" for one in catalogue.relationships_of(name)[:8]],
        page=f"mlsteward://dictionary/{name}",
        next=f'document_asset(asset="{name}", columns={{"{example}": "…"}})'
        if silent
        else f'lookup_data_dictionary(query="{name}.{example}")',
    )


def _cards(catalogue: Catalogue, named: list[Entry]) -> DictionaryAnswer:
    shown, rest = named[:CARDS], named[CARDS:]
    room = 900 if len(shown) == 1 else 250
    cards = [card_of(one, catalogue.relationships_of(one.dataset, one.column), room=room) for one in shown]
    first = cards[0]
    others = ", ".join(one.name for one in named[1:6])
    return DictionaryAnswer(
        verdict=first.verdict + (f" The name is also that of {others}." if others else ""),
        total=len(named),
        cards=cards,
        columns=list_entries(rest, with_dataset=True) if rest else None,
        page=f"mlsteward://dictionary/{shown[0].dataset}",
        next=first.next,
    )


def _search(catalogue: Catalogue, query: str, entries: list[Entry], dataset: str, limit: int) -> DictionaryAnswer:
    hits = catalogue.index.search(query, dataset)
    unknown = unknown_name(query)
    close = names_like(query, entries) if unknown or not hits or not hits[0].by_word else []
    if not hits:
        where = f"in {dataset}" if dataset else "in the dictionary"
        raise NotFound(
            f"Nothing {where} is called or described as {query!r}.", close=close, next="lookup_data_dictionary()"
        )
    doubt = f"Nothing is called {unknown!r}. " if unknown else ""
    if close:
        doubt += "Did you mean " + " or ".join(f"`{name}`" for name in close) + "? "
    shown = [hit.entry for hit in hits[:limit]]
    return DictionaryAnswer(
        verdict=f"{doubt}{counted(len(hits), 'matches', 'match')} {query!r}; best: {shown[0].name}.",
        total=len(hits),
        columns=list_entries(shown, with_dataset=True),
        next=f'lookup_data_dictionary(query="{shown[0].name}")',
    )
