"""An entry made ready to be read: each thing said with where it comes from, and what is not recorded."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from mlsteward.answer import cell, clipped, counted, number
from mlsteward.dictionary.comment import Feedback
from mlsteward.dictionary.entry import WORDS, Entry
from mlsteward.dictionary.lifecycle import review_words, status_words, successor_of
from mlsteward.dictionary.link import Link, in_sight
from mlsteward.dictionary.relationships import Relationship
from mlsteward.record import Record

# What a reader should be told is missing, and how that is put.
_MISSING = {
    "description": "no meaning recorded",
    "owner": "no owner recorded",
    "unit": "no unit recorded",
    "available_at": "not recorded whether it is known before the prediction",
}
_AVAILABLE = {"before": "known before the moment of prediction", "after": "known only after the moment of prediction"}


LINKS = 6


@dataclass(frozen=True)
class Beside:
    """What stands beside an entry: how it hangs together with others, what people say, how it is today.

    `value` is that of a metric, `freshness` that of a dataset, both in words.
    """

    relationships: list[Relationship] = field(default_factory=list[Relationship])
    links: list[Link] = field(default_factory=list[Link])
    feedback: Feedback = field(default_factory=Feedback)
    freshness: str = ""
    alerts: int = 0
    value: str = ""


class Card(Record):
    """All that is recorded about an asset. `people` names who wrote a field; the rest was harvested."""

    asset: str
    type: str | None = None
    description: str | None = None
    business_name: str | None = None
    synonyms: str | None = None
    value: str | None = None
    sql: str | None = None
    status: str | None = None
    review_by: str | None = None
    role: str | None = None
    unit: str | None = None
    owner: str | None = None
    available_at: str | None = None
    sensitivity: str | None = None
    tags: str | None = None
    allowed_values: str | None = None
    usage: str | None = None
    values: str | None = None
    freshness: str | None = None
    alerts: str | None = None
    relationships: list[str] = []
    links: list[str] = []
    successor: str | None = None
    comments: list[str] = []
    rating: str | None = None
    people: dict[str, str] = {}
    harvested: list[str] = []
    not_recorded: list[str] = []
    version: int
    changed: str
    gone: bool | None = None

    @property
    def name(self) -> str:
        """What calls take."""
        kind, _, name = self.asset.partition(":")
        return name if kind in ("dataset", "column") else self.asset

    @property
    def title(self) -> str:
        """What people say."""
        is_term = self.asset.startswith("term:") and self.business_name
        return f"{self.business_name} ({self.asset})" if is_term else self.name

    @property
    def verdict(self) -> str:
        """The first thing to say: what it means, and whose words these are."""
        if self.description is None:
            known = ", ".join(part for part in (self.role, self.unit) if part)
            return f"{self.title}: no meaning recorded" + (f" (suggested: {known})." if known else ".")
        old = "deprecated, " if (self.status or "").startswith("deprecated") else ""
        return f"{self.title}: {self.description.rstrip('.')} ({old}{self._source('description')})."

    def next(self, approve: str) -> str:
        """What is missing most, written down; else `approve`, the call for a suggested link; else the neighbours."""
        if successor := self.successor:
            return f'lookup_data_dictionary(query="{successor}")'
        if self.asset.startswith("term:"):
            return approve or f'read_page(uri="mlsteward://terms/{self.name.partition(":")[2]}")'
        for missing in ("description", "available_at", "owner"):
            if _MISSING[missing] in self.not_recorded:
                value = "before or after" if missing == "available_at" else "…"
                return f'document_asset(asset="{self.name}", {missing}="{value}")'
        return approve or f'lookup_data_dictionary(dataset="{self.name.partition(".")[0]}")'

    def _source(self, field: str) -> str:
        return f"written by {self.people[field]}" if field in self.people else "harvested"

    def lines(self) -> list[str]:
        """The card as text, a line each."""
        # A term's verdict opens with what it is called.
        said_before = ("description", "status", *(("business_name",) if self.asset.startswith("term:") else ()))
        said = [
            f"{field.replace('_', ' ')}: {' '.join(value.split())} ({self._source(field)})"
            for field in WORDS
            if field not in said_before and (value := getattr(self, field))
        ]
        facts = [
            f"type: {self.type}" if self.type else "",
            f"values: {self.values}" if self.values else "",
            f"freshness: {self.freshness}" if self.freshness else "",
            f"alerts: {self.alerts}" if self.alerts else "",
            "links: " + "; ".join(self.links) if self.links else "",
            "relationships: " + "; ".join(self.relationships) if self.relationships else "",
            "not recorded: " + "; ".join(self.not_recorded) if self.not_recorded else "",
            "the newest version of the dataset no longer has this column" if self.gone else "",
            f"version {self.version} of the entry, {self.changed}" if self.version else "",
        ]
        first = [f"value: {self.value}" if self.value else "", f"status: {self.status}" if self.status else ""]
        return [*(line for line in first if line), *said, *(fact for fact in facts if fact), *self._said_of_it()]

    def _said_of_it(self) -> list[str]:
        heading = f"comments ({self.rating}): " if self.rating else "comments: "
        return [heading + "; ".join(self.comments)] if self.comments else []


def card_of(entry: Entry, beside: Beside, *, room: int = 900) -> Card:
    """The card of an entry; words longer than `room` characters are cut, the page of the asset has them whole."""
    words = {field: clipped(entry.word(field), room) for field in WORDS if entry.word(field)}
    if entry.available_at:
        words["available_at"] = f"{entry.available_at}: {_AVAILABLE[entry.available_at]}"
    if entry.facts.evidence and "sensitivity" not in entry.writers:
        words["sensitivity"] = f"{entry.sensitivity}, masked until a person decides: {entry.facts.evidence}"
    if entry.status:
        words["status"] = status_words(entry.status, entry.writers.get("status", ""), entry.since)
    if entry.review_by:
        words["review_by"] = review_words(entry.review_by, today())
    return Card(
        asset=entry.asset,
        type=entry.type or None,
        **words,  # pyright: ignore[reportArgumentType] - the fields of WORDS, which are texts here
        values=values_of(entry) or None,
        value=beside.value or None,
        freshness=beside.freshness or None,
        alerts=counted(beside.alerts, "open alert") if beside.alerts else None,
        relationships=[_relation(one, entry) for one in beside.relationships[:6]],
        links=[link.words(entry.asset) for link in in_sight(beside.links, entry.asset)[:LINKS]],
        comments=[comment.line(min(room, 160)) for comment in beside.feedback.newest],
        rating=beside.feedback.summary or None,
        successor=_successor(entry),
        people=dict(entry.writers),
        harvested=entry.harvested,
        not_recorded=_not_recorded(entry),
        version=entry.version,
        changed=_changed(entry),
        gone=entry.gone or None,
    )


def _successor(entry: Entry) -> str | None:
    """What calls take of the asset that takes the place of a deprecated one."""
    asset = successor_of(entry.status)
    return asset.removeprefix("dataset:").removeprefix("column:") or None


def values_of(entry: Entry) -> str:
    """Range, nulls and distinct values, from the newest version of the dataset."""
    facts = entry.facts
    if entry.kind == "dataset":
        return counted(facts.rows, "row") if facts.rows else ""
    if entry.kind != "column":
        return ""
    if facts.masked:
        return f"masked ({facts.masked})"
    parts = [f"{100 * facts.null_share:.2g} % null" if facts.nulls else "no nulls", f"{facts.distinct:,} distinct"]
    if facts.minimum is not None and facts.maximum is not None:
        parts.insert(0, f"{_end(facts.minimum)} to {_end(facts.maximum)}")
    if facts.top and facts.distinct <= 50 and not isinstance(facts.minimum, float):
        parts.append("most often " + ", ".join(facts.top))
    return ", ".join(parts)


def _end(value: float | str) -> str:
    return cell(value) if isinstance(value, str) else number(float(value))


def _relation(one: Relationship, entry: Entry) -> str:
    outward = one.dataset == entry.dataset
    share = f"{100 * one.coverage:.3g} % of rows found"
    missing = f", not: {', '.join(one.unmatched)}" if one.unmatched and outward else ""
    return f"{one.words} ({share}{missing})"


def _not_recorded(entry: Entry) -> list[str]:
    fields = list(_MISSING) if entry.kind == "column" else ["description", "owner"]
    if entry.facts.minimum is None or isinstance(entry.facts.minimum, str) or entry.role in ("category", "key"):
        fields = [field for field in fields if field != "unit"]
    return [_MISSING[field] for field in fields if not entry.word(field)]


def _changed(entry: Entry) -> str:
    when = f"{entry.changed:%Y-%m-%d %H:%M} UTC" if entry.changed else "not dated"
    return f"{when} by {entry.actor}" if entry.actor else when


def today() -> date:
    return datetime.now(UTC).date()
