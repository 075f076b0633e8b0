"""A statement that passed the first wall."""

from dataclasses import dataclass

# The schema that metadata stands under.
METADATA_SCHEMA = "meta"


@dataclass(frozen=True)
class Statement:
    """`tables` are the datasets it reads, as `flights` or `flights@2`, and metadata, as `meta.runs`."""

    sql: str
    tables: tuple[str, ...] = ()

    @property
    def datasets(self) -> list[str]:
        return [name for name in self.tables if not is_metadata(name)]

    @property
    def metadata(self) -> list[str]:
        return [name for name in self.tables if is_metadata(name)]


def is_metadata(table: str) -> bool:
    return table.startswith(f"{METADATA_SCHEMA}.")
