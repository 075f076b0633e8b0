"""The tool `define_term`."""

from pydantic import Field

from mlsteward.answer import Answer, counted
from mlsteward.dictionary.link import approvals, in_sight
from mlsteward.dictionary.metric import MetricValue
from mlsteward.server.declare import Call, Tool
from mlsteward.store.metric_values import Reads, measure, metric_reads
from mlsteward.store.terms import Definition, SavedTerm, save_term

SHOWN = 10


class TermAnswer(Answer):
    asset: str
    version: int
    changed: list[str] = Field(default_factory=list[str], description="Fields with new words.")
    value: str | None = Field(default=None, description="What the metric gives now.")
    links: list[str] = Field(default_factory=list[str], description="A suggested link counts once it is approved.")

    def body(self) -> list[str]:
        return [f"value: {self.value}" if self.value else "", *(f"link: {link}" for link in self.links)]


def define_term(
    call: Call,
    term: str,
    definition: str = "",
    synonyms: list[str] = [],
    owner: str = "",
    related: list[str] = [],
    sql: str = "",
    status: str = "",
) -> TermAnswer:
    """Define a business term, or with `sql` a metric: one SELECT that gives a number, measured on the newest data.

    Of a term that is there, only what is given changes. related: what it is about, as flights.dep_delay, model:delay
    or another term; a - before it unlinks. status: draft, review, approved, certified or `deprecated: SUCCESSOR`.
    """
    reads = metric_reads(call.workspace, sql) if sql.strip() else Reads([])
    value = measure(call.workspace, sql) if sql.strip() else None
    given = Definition(
        term=term,
        definition=definition,
        synonyms=synonyms,
        owner=owner,
        related=related,
        sql=sql,
        status=status,
        value=value,
        reads=reads,
    )
    saved = call.change(
        lambda t: save_term(t, given, call.actor.name), asset=lambda saved: saved.entry.asset, why=status
    )
    return _answer(saved, value)


def _answer(saved: SavedTerm, value: MetricValue | None) -> TermAnswer:
    entry = saved.entry
    links = in_sight(saved.links, entry.asset)
    return TermAnswer(
        verdict=_verdict(saved),
        asset=entry.asset,
        version=entry.version,
        changed=saved.changed,
        value=value.words(entry.unit) if value else None,
        links=[link.words(entry.asset) for link in links[:SHOWN]],
        next=approvals(links, entry.asset) or f'lookup_data_dictionary(query="{entry.asset}")',
    )


def _verdict(saved: SavedTerm) -> str:
    entry = saved.entry
    what = f"{entry.asset} “{entry.business_name}”"
    if saved.created:
        words = f"Defined the {entry.type} {what} ({entry.status})"
    elif saved.changed:
        words = f"{what} has version {entry.version}: {', '.join(saved.changed)} changed"
    elif saved.set_links:
        words = f"{what} has new links"
    else:
        words = f"Nothing new: {what} already says so"
    open_ones = sum(1 for link in saved.links if link.state == "suggested")
    return f"{words}; {counted(open_ones, 'link')} suggested." if open_ones else f"{words}."


TOOL = Tool(define_term, title="Define a term or a metric", toolset="glossary", read_only=False, idempotent=True)
