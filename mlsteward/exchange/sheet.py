"""All that is known of one version of a dataset: what documents of other tools are written from."""

from datetime import datetime

from mlsteward.contracts.check import Contract
from mlsteward.data.snapshot import Column
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.relationships import Relationship
from mlsteward.record import Record


class SheetVersion(Record):
    """One version in a line; `standing` says whether it is kept aside or its rows are gone."""

    label: str
    tags: list[str] = []
    rows: int
    created: datetime
    source: str = ""
    standing: str = ""


class Sheet(Record):
    """`entries` has the dictionary's columns by name; `sha256` is that of the bytes of the file called `file`."""

    name: str
    version: int
    rows: int
    bytes: int
    created: datetime
    fingerprint: str
    sha256: str
    file: str
    source: str = ""
    sources: list[str] = []
    sql: str = ""
    columns: list[Column]
    table: Entry
    entries: dict[str, Entry] = {}
    relationships: list[Relationship] = []
    contract: Contract | None = None
    versions: list[SheetVersion] = []

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"
