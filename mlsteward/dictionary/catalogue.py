"""The whole dictionary at one moment: entries in force, what hangs on them, and the index over them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mlsteward.answer import cell
from mlsteward.dictionary.card import Beside
from mlsteward.dictionary.comment import Feedback
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.lifecycle import is_deprecated
from mlsteward.dictionary.link import Link
from mlsteward.dictionary.relationships import Relationship
from mlsteward.dictionary.search import Index
from mlsteward.errors import NotFound
from mlsteward.names import close_names, parse_reference


@dataclass(frozen=True)
class Catalogue:
    """Every entry in force, every relationship, link and comment, as of a count of changes.

    `registered` says which version of a dataset is its newest, and since when; `alerts` counts those that are open.
    """

    change: int
    entries: list[Entry]
    relationships: list[Relationship]
    links: list[Link] = field(default_factory=list[Link])
    feedback: Mapping[str, Feedback] = field(default_factory=dict[str, Feedback])
    registered: Mapping[str, str] = field(default_factory=dict[str, str])
    alerts: Mapping[str, int] = field(default_factory=dict[str, int])

    @cached_property
    def index(self) -> Index:
        return Index([entry for entry in self.entries if not entry.gone])

    @property
    def datasets(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind == "dataset"]

    @property
    def terms(self) -> list[Entry]:
        """Terms and metrics; deprecated ones come last."""
        terms = [entry for entry in self.entries if entry.kind == "term"]
        return sorted(terms, key=lambda term: (is_deprecated(term.status), term.asset))

    def dataset(self, name: str) -> list[Entry]:
        """A dataset's own entry and those of its columns; [] when there is none."""
        return [entry for entry in self.entries if entry.dataset == name]

    def find_dataset(self, text: str) -> str:
        """The name of the dataset that `flights`, `flights@3` or `dataset:flights` means; NotFound otherwise."""
        name = parse_reference(text).name
        names = [entry.dataset for entry in self.datasets]
        if name in names:
            return name
        close = close_names(name, names)
        raise NotFound(f"There is no dataset {name!r} in the dictionary.", close=close, next="list_datasets()")

    def relationships_of(self, dataset: str, column: str = "") -> list[Relationship]:
        """Relationships from or to a dataset, or a column of it."""
        return [
            one
            for one in self.relationships
            if (one.dataset == dataset and (not column or column in one.columns))
            or (one.to_dataset == dataset and (not column or column in one.to_columns))
        ]

    def links_of(self, asset: str) -> list[Link]:
        """The links of an asset or a term."""
        return self._links.get(asset, [])

    @cached_property
    def _links(self) -> dict[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for link in self.links:
            for end in (link.asset, link.term):
                found.setdefault(end, []).append(link)
        return found

    def beside(self, entry: Entry, value: str = "") -> Beside:
        """What stands beside an entry; `value` is that of a metric, in words."""
        at_home = entry.kind in ("dataset", "column")
        return Beside(
            relationships=self.relationships_of(entry.dataset, entry.column) if at_home else [],
            links=self.links_of(entry.asset),
            feedback=self.feedback.get(entry.asset, Feedback()),
            freshness=self.freshness(entry.dataset) if entry.kind == "dataset" else "",
            alerts=self._open_alerts(entry),
            value=value,
        )

    def freshness(self, dataset: str) -> str:
        """When the newest version was registered, and the newest event in it."""
        times = [
            one for one in self.dataset(dataset) if one.role == "event_time" and one.facts.maximum and not one.gone
        ]
        parts = [self.registered.get(dataset, "")]
        parts += [f"newest {one.column} {cell(one.facts.maximum)}" for one in times[:1]]
        return ", ".join(part for part in parts if part)

    def _open_alerts(self, entry: Entry) -> int:
        own = self.alerts.get(entry.asset, 0)
        if entry.kind != "dataset":
            return own
        return own + sum(self.alerts.get(column.asset, 0) for column in self.dataset(entry.dataset) if column.column)
