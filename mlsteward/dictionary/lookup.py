"""What the dictionary answers to a question."""

from collections.abc import Callable

from pydantic import Field

from mlsteward.answer import Answer, counted
from mlsteward.dictionary.card import Beside, Card, card_of
from mlsteward.dictionary.catalogue import Catalogue
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.lifecycle import is_deprecated, successor_of
from mlsteward.dictionary.link import approvals, in_sight
from mlsteward.dictionary.listing import Listing, list_entries
from mlsteward.dictionary.search import misspelt_term, named_entries, names_like, unknown_name
from mlsteward.errors import NotFound

CARDS = 3
LINKS = 6
# Characters of each field of a card, the first that fits being taken.
_ROOMS = (900, 250, 100, 40)
# What a metric's value is, in words.
Measure = Callable[[Entry], str]


class DictionaryAnswer(Answer):
    total: int = Field(default=0, description="How many columns, datasets, terms or models match.")
    cards: list[Card] = Field(default_factory=list[Card])
    columns: Listing | None = Field(default=None, description="<words> were harvested, other words are a person's.")
    relationships: list[str] = Field(default_factory=list[str])
    health: list[str] = Field(default_factory=list[str], description="Freshness, alerts, status.")
    links: list[str] = Field(default_factory=list[str], description="Terms of the glossary.")
    comments: list[str] = Field(default_factory=list[str])
    rating: str | None = None
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
        lines += self.health
        lines += ["terms: " + "; ".join(self.links)] if self.links else []
        lines += [f"comments ({self.rating}): " + "; ".join(self.comments)] if self.comments else []
        return lines


def look_up(catalogue: Catalogue, query: str, dataset: str, limit: int, measure: Measure) -> DictionaryAnswer:
    """All columns of a dataset, all that is known of a named column, term or model, or what a query finds.

    `measure` gives the value of a metric. Raises NotFound, with what was close, for a dataset that is not there and
    for a query that nothing matches.
    """
    name = catalogue.find_dataset(dataset) if dataset else ""
    if not query.strip():
        return _dataset(catalogue, name) if name else _overview(catalogue)
    entries = catalogue.dataset(name) if name else catalogue.entries
    named = named_entries(query, entries)
    # A term is no dataset's own.
    named = named or named_entries(query, catalogue.terms)
    if not name and [entry.kind for entry in named] == ["dataset"]:
        return _dataset(catalogue, named[0].dataset)
    if named:
        return _cards(catalogue, named, measure)
    return _search(catalogue, query, entries, name, max(1, limit))


def _overview(catalogue: Catalogue) -> DictionaryAnswer:
    datasets, terms = catalogue.datasets, catalogue.terms
    if not datasets and not terms:
        return DictionaryAnswer(verdict="The dictionary is empty: no dataset is registered.", next="list_datasets()")
    metrics = sum(1 for term in terms if term.sql)
    counts = [counted(len(datasets), "dataset")]
    counts += [counted(len(terms) - metrics, "term")] if len(terms) > metrics else []
    counts += [counted(metrics, "metric")] if metrics else []
    return DictionaryAnswer(
        verdict=f"The dictionary describes {_listed(counts)}.",
        total=len(datasets) + len(terms),
        columns=list_entries([*datasets, *terms]),
        next=f'lookup_data_dictionary(dataset="{datasets[0].dataset}")'
        if datasets
        else f'lookup_data_dictionary(query="{terms[0].name}")',
    )


def _listed(parts: list[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _dataset(catalogue: Catalogue, name: str) -> DictionaryAnswer:
    table, *columns = catalogue.dataset(name)
    here = [column for column in columns if not column.gone]
    silent = [column for column in here if not column.description]
    gone = [column.column for column in columns if column.gone]
    successor = successor_of(table.status).removeprefix("dataset:")
    use = f", use {successor}" if successor else ""
    parts = [
        f"{name} has {counted(len(here), 'column')} and {counted(table.facts.rows, 'row')}",
        f"{counted(len(silent), 'column has', 'columns have')} no description"
        if silent
        else "every column has a description",
        f"owner: {table.owner}" if table.owner else "no owner recorded",
        f"deprecated{use}" if is_deprecated(table.status) else "",
        "no longer there: " + ", ".join(gone[:5]) if gone else "",
    ]
    about = f" {table.description[:300]}" if table.description else ""
    example = (silent or here or columns)[0].column
    beside = catalogue.beside(table)
    answer = DictionaryAnswer(
        verdict="; ".join(part for part in parts if part) + "." + about,
        total=len(here),
        relationships=[f"{one.words} ({100 * one.coverage:.3g} %)" for one in beside.relationships[:8]],
        health=_health(table, beside),
        links=_links(catalogue, table, here),
        comments=[comment.line(100) for comment in beside.feedback.newest[:2]],
        rating=beside.feedback.summary or None,
        page=f"mlsteward://dictionary/{name}",
        next=f'document_asset(asset="{name}", columns={{"{example}": "…"}})'
        if silent
        else f'lookup_data_dictionary(query="{name}.{example}")',
    )
    if successor:
        answer.next = f'lookup_data_dictionary(dataset="{successor}")'
    answer.columns = list_entries(here, beside=answer.size)
    return answer


def _links(catalogue: Catalogue, table: Entry, columns: list[Entry]) -> list[str]:
    """The terms of a table, then those of its columns, suggestions last."""
    found = [(link, "") for link in in_sight(catalogue.links_of(table.asset), table.asset)]
    for column in columns:
        links = in_sight(catalogue.links_of(column.asset), column.asset)
        found += [(link, f"{column.column}: ") for link in links if link.origin != "sql"]
    found.sort(key=lambda one: one[0].state)
    return [f"{name}{link.words(link.asset)}" for link, name in found[:LINKS]]


def _health(table: Entry, beside: Beside) -> list[str]:
    card = card_of(table, beside)
    said = {
        "freshness": card.freshness,
        "alerts": card.alerts and f'{card.alerts}: list_alerts(asset="{table.dataset}")',
        "status": card.status,
        "review by": card.review_by,
    }
    return [f"{name}: {words}" for name, words in said.items() if words]


def _cards(catalogue: Catalogue, named: list[Entry], measure: Measure) -> DictionaryAnswer:
    shown, rest = named[:CARDS], named[CARDS:]
    beside = [catalogue.beside(one, measure(one) if one.sql else "") for one in shown]
    others = ", ".join(one.name for one in named[1:6])

    def answer(room: int) -> DictionaryAnswer:
        cards = [card_of(one, what, room=room) for one, what in zip(shown, beside, strict=True)]
        found = DictionaryAnswer(
            verdict=cards[0].verdict + (f" The name is also that of {others}." if others else ""),
            total=len(named),
            cards=cards,
            page=_page(shown[0]),
            next=cards[0].next(approvals(beside[0].links, shown[0].asset)),
        )
        if rest:
            found.columns = list_entries(rest, with_dataset=True, beside=found.size)
        return found

    rooms = _ROOMS if len(shown) == 1 else _ROOMS[1:]
    answers = (answer(room) for room in rooms)
    return next((found for found in answers if found.fits()), answer(rooms[-1]))


def _page(entry: Entry) -> str:
    if entry.kind in ("term", "model"):
        return f"mlsteward://{entry.kind}s/{entry.own_name}"
    return f"mlsteward://dictionary/{entry.dataset}"


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
    found = [hit.entry for hit in hits]
    if meant := None if close else misspelt_term(query, [entry for entry in entries if entry.kind == "term"]):
        doubt += f"Did you mean `{meant.business_name}`? "
        found = [meant, *(entry for entry in found if entry.asset != meant.asset)]
    shown = found[:limit]
    return DictionaryAnswer(
        verdict=f"{doubt}{counted(len(found), 'matches', 'match')} {query!r}; best: {shown[0].name}.",
        total=len(found),
        columns=list_entries(shown, with_dataset=True),
        next=f'lookup_data_dictionary(query="{shown[0].name}")',
    )
