"""The pages `mlsteward://terms` and `mlsteward://terms/{name}`."""

from dataclasses import replace

from mlsteward.answer import counted, markdown_table
from mlsteward.dictionary.card import card_of
from mlsteward.dictionary.comment import Feedback, comments_section, escaped
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.versions import changes, link_changes
from mlsteward.server.declare import Page
from mlsteward.store.catalogue import read_catalogue
from mlsteward.store.comments import comments_of
from mlsteward.store.dictionary import all_terms, find_term, versions_of_entry
from mlsteward.store.links import link_history
from mlsteward.store.metric_values import current_value, values_over_time
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_WHOLE = 10_000


def glossary_page(workspace: Workspace) -> str:
    """The glossary: every term and metric with its definition, status and owner."""
    terms = read_catalogue(workspace.store).terms
    lines = ["# Glossary", "", f"{counted(len(terms), 'term')}; its page has a term's links, values and versions.", ""]
    return "\n".join([*lines, *map(_line, terms)]) + "\n"


def term_page(workspace: Workspace, name: str) -> str:
    """A term: its definition, a metric's values so far, its links, what people say, and who changed what."""
    term = workspace.store.read(lambda t: find_term(t, name))
    value = current_value(workspace, term).words(term.unit) if term.sql else ""
    beside = read_catalogue(workspace.store).beside(term, value)
    # Comments have a part of their own, made safe for Markdown.
    card = card_of(term, replace(beside, feedback=Feedback()), room=_WHOLE)
    lines = [f"# {escaped(term.business_name)}", "", card.verdict, "", *(f"- {line}" for line in card.lines())]

    def read(t: Transaction) -> list[str]:
        return [
            *changes(versions_of_entry(t, term.asset)),
            *comments_section(comments_of(t, term.asset)),
            *_values(t, term),
            *_links(t, term),
        ]

    return "\n".join([*lines, *workspace.store.read(read)]) + "\n"


def _line(term: Entry) -> str:
    said = ", ".join(part for part in (term.type, term.status, f"owner {term.owner}" if term.owner else "") if part)
    address = f"mlsteward://terms/{term.own_name}"
    return f"- **{escaped(term.business_name)}** ({escaped(said)}): {escaped(term.description)} {address}"


def _values(transaction: Transaction, term: Entry) -> list[str]:
    kept = values_over_time(transaction, term) if term.sql else []
    rows = [
        (", ".join(value.datasets.values()), value.error or value.shown(), f"{value.measured:%Y-%m-%d %H:%M}")
        for value in kept
    ]
    return ["", "## Values", "", *markdown_table(("on", "value", "measured"), rows)] if rows else []


def _links(transaction: Transaction, term: Entry) -> list[str]:
    lines = link_changes(link_history(transaction, term.asset), term.asset)
    return ["", "## Links, as they were set", "", *lines] if lines else []


def _names(workspace: Workspace, prefix: str) -> list[str]:
    names = workspace.store.read(lambda t: [term.own_name for term in all_terms(t)])
    return [name for name in names if name.startswith(prefix)]


PAGES = [
    Page("mlsteward://terms", glossary_page, title="The glossary"),
    Page("mlsteward://terms/{name}", term_page, title="A term of the glossary", complete={"name": _names}),
]
