"""What checks are proposed from: the profiles of earlier versions, and what is known of the columns."""

from datetime import datetime

from mlsteward.data.profile import ColumnProfile, TableProfile
from mlsteward.dictionary.relationships import Relationship
from mlsteward.record import Record


class Seen(Record):
    """A version: its profile, its file, and when it came."""

    version: int
    file: str
    registered: datetime
    profile: TableProfile

    def column(self, name: str) -> ColumnProfile | None:
        return next((column for column in self.profile.columns if column.name == name), None)


class Basis(Record):
    """All versions that count, the oldest first; roles and masked columns of the newest; relationships found.

    `keys` are the columns that relationships of other datasets lead to.
    Nothing is proposed that would show values of `masked` columns.
    """

    versions: list[Seen]
    roles: dict[str, str] = {}
    masked: list[str] = []
    relationships: list[Relationship] = []
    keys: list[list[str]] = []

    @property
    def newest(self) -> Seen:
        return self.versions[-1]

    def before(self, count: int) -> "Basis":
        """What was known when there were `count` versions."""
        return self.model_copy(update={"versions": self.versions[:count]})

    def history(self, column: str) -> list[ColumnProfile]:
        """A column in each version that has it, the oldest first."""
        return [found for seen in self.versions if (found := seen.column(column))]
