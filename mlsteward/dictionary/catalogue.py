"""The whole dictionary at one moment: every entry in force, every relationship, and the index over them."""

from dataclasses import dataclass
from functools import cached_property

from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.relationships import Relationship
from mlsteward.dictionary.search import Index
from mlsteward.errors import NotFound
from mlsteward.names import close_names, parse_reference


@dataclass(frozen=True)
class Catalogue:
    """Every entry in force and every relationship, as of a count of changes."""

    change: int
    entries: list[Entry]
    relationships: list[Relationship]

    @cached_property
    def index(self) -> Index:
        return Index([entry for entry in self.entries if not entry.gone])

    @property
    def datasets(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind == "dataset"]

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
