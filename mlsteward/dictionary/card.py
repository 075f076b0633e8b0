"""An entry made ready to be read: each thing said with where it comes from, and what is not recorded."""

from collections.abc import Sequence

from pydantic import BaseModel

from mlsteward.answer import cell, counted, number
from mlsteward.dictionary.entry import WORDS, Entry
from mlsteward.dictionary.relationships import Relationship

# What a reader should be told is missing, and how that is put.
_MISSING = {
    "description": "no meaning recorded",
    "owner": "no owner recorded",
    "unit": "no unit recorded",
    "available_at": "not recorded whether it is known before the prediction",
}
_AVAILABLE = {"before": "known before the moment of prediction", "after": "known only after the moment of prediction"}


class Card(BaseModel):
    """All that is recorded about a column or a dataset. `people` names who wrote a field; the rest was harvested."""

    asset: str
    type: str | None = None
    description: str | None = None
    business_name: str | None = None
    role: str | None = None
    unit: str | None = None
    owner: str | None = None
    available_at: str | None = None
    sensitivity: str | None = None
    tags: str | None = None
    allowed_values: str | None = None
    usage: str | None = None
    values: str | None = None
    relationships: list[str] = []
    people: dict[str, str] = {}
    harvested: list[str] = []
    not_recorded: list[str] = []
    version: int
    changed: str
    gone: bool | None = None

    @property
    def name(self) -> str:
        return self.asset.partition(":")[2]

    @property
    def verdict(self) -> str:
        """The first thing to say: what it means, and whose words these are."""
        if self.description is None:
            known = ", ".join(part for part in (self.role, self.unit) if part)
            return f"{self.name}: no meaning recorded" + (f" (suggested: {known})." if known else ".")
        return f"{self.name}: {self.description.rstrip('.')} ({self._source('description')})."

    @property
    def next(self) -> str:
        """The call that writes down what is missing most, else the one that shows the neighbours."""
        for field in ("description", "available_at", "owner"):
            if _MISSING[field] in self.not_recorded:
                value = "before or after" if field == "available_at" else "…"
                return f'document_asset(asset="{self.name}", {field}="{value}")'
        return f'lookup_data_dictionary(dataset="{self.name.partition(".")[0]}")'

    def _source(self, field: str) -> str:
        return f"written by {self.people[field]}" if field in self.people else "harvested"

    def lines(self) -> list[str]:
        """The card as text, a line each."""
        said = [
            f"{field.replace('_', ' ')}: {value} ({self._source(field)})"
            for field in WORDS
            if field != "description" and (value := getattr(self, field))
        ]
        facts = [
            f"type: {self.type}" if self.type else "",
            f"values: {self.values}" if self.values else "",
            "relationships: " + "; ".join(self.relationships) if self.relationships else "",
            "not recorded: " + "; ".join(self.not_recorded) if self.not_recorded else "",
            "the newest version of the dataset no longer has this column" if self.gone else "",
            f"version {self.version} of the entry, {self.changed}",
        ]
        return [*said, *(fact for fact in facts if fact)]


def card_of(entry: Entry, relationships: Sequence[Relationship], *, room: int = 900) -> Card:
    """The card of an entry; words longer than `room` characters are cut, the page of the dataset has them whole."""
    words = {field: _cut(entry.word(field), room) for field in WORDS if entry.word(field)}
    if entry.available_at:
        words["available_at"] = f"{entry.available_at}: {_AVAILABLE[entry.available_at]}"
    return Card(
        asset=entry.asset,
        type=entry.type or None,
        **words,  # pyright: ignore[reportArgumentType] - the fields of WORDS, which are texts here
        values=values_of(entry) or None,
        relationships=[_relation(one, entry) for one in relationships[:6]],
        people=dict(entry.writers),
        harvested=entry.harvested,
        not_recorded=_not_recorded(entry),
        version=entry.version,
        changed=_changed(entry),
        gone=entry.gone or None,
    )


def values_of(entry: Entry) -> str:
    """Range, nulls and distinct values, from the newest version of the dataset."""
    facts = entry.facts
    if entry.kind == "dataset":
        return counted(facts.rows, "row") if facts.rows else ""
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
    fields = ["description", "owner"] if entry.kind == "dataset" else list(_MISSING)
    if entry.facts.minimum is None or isinstance(entry.facts.minimum, str) or entry.role in ("category", "key"):
        fields = [field for field in fields if field != "unit"]
    return [_MISSING[field] for field in fields if not entry.word(field)]


def _changed(entry: Entry) -> str:
    when = f"{entry.changed:%Y-%m-%d %H:%M} UTC" if entry.changed else "not dated"
    return f"{when} by {entry.actor}" if entry.actor else when


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"
