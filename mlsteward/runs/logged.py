"""Runs that were trained elsewhere: their metrics as rows, their files copied in."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from mlsteward.data.paths import Folders
from mlsteward.data.staging import hash_files
from mlsteward.errors import InvalidArgument, Refused, StewardError
from mlsteward.runs.job import ARTIFACTS
from mlsteward.store.fields import SPLITS, read_field
from mlsteward.store.metrics import MetricRow
from mlsteward.store.transaction import Transaction

_MOST_STEPS = 10_000
_MOST_BYTES = 1 << 30


def read_metrics(metrics: Mapping[str, float | Sequence[float]]) -> list[MetricRow]:
    """A row for each value, of run 0. Raises InvalidArgument for a name that filters could not reach."""
    rows: list[MetricRow] = []
    for name, given in metrics.items():
        field = read_field(name)
        if field.kind != "metric" or not field.name or field.split not in SPLITS:
            raise InvalidArgument(
                f"A metric cannot be called {name!r}: use a bare name, or one after {', '.join(SPLITS)} and a dot."
            )
        values = [given] if isinstance(given, int | float) else list(given)
        if not 0 < len(values) <= _MOST_STEPS:
            raise InvalidArgument(f"The metric {name!r} has {len(values)} steps; 1 to {_MOST_STEPS:,} are taken.")
        rows += [
            MetricRow(run=0, split=field.split, name=field.name, step=step, value=value)
            for step, value in enumerate(values)
        ]
    return rows


class Source(NamedTuple):
    """What a dataset was registered from: in words, and the hash of its bytes."""

    dataset: str
    source: str
    hash: str


def masked_sources(t: Transaction) -> list[Source]:
    """The sources of datasets that have columns masked for the reader."""
    masked = sorted(t.masks.hidden)
    if not masked:
        return []
    wanted = ", ".join("?" for _ in masked)
    rows = t.rows(f"SELECT DISTINCT name, source, source_hash FROM dataset_versions WHERE name IN ({wanted})", masked)
    return [Source(*row) for row in rows]


def check_sources(masked: Sequence[Source], files: Sequence[Path], folders: Folders) -> None:
    """Raise Refused when one of `files`, by its path or its content, is a source whose columns are masked."""
    if not masked:
        return
    hashes = {hash_files([file]): file for file in files}
    for one in masked:
        same = [hashes[one.hash]] if one.hash in hashes else []
        for file in [*same, *(file for file in files if file in _at(one.source, folders))]:
            raise Refused(f"{file.name} is a source of {one.dataset}, which has columns masked for your clearance.")


def _at(source: str, folders: Folders) -> list[Path]:
    """The files that a source names, none where it is no file that is there."""
    try:
        return folders.find(source.partition("#")[0]) if source else []
    except StewardError:
        return []


class Incoming:
    """Files on their way into the folder of a run that has no number yet.

    As a context it removes what was copied and not placed.
    """

    def __init__(self, runs: Path, files: Sequence[str], folders: Folders) -> None:
        self._runs = runs
        self.files = [path for text in files for path in folders.find(text)]
        self.names = [path.name for path in self.files]
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise InvalidArgument(f"Two artifacts are called {twice[0]!r}.")
        if sum(path.stat().st_size for path in self.files) > _MOST_BYTES:
            raise Refused(f"The artifacts have more than {_MOST_BYTES >> 30} GiB together.")

    def __enter__(self) -> Self:
        self._runs.mkdir(parents=True, exist_ok=True)
        self._staged = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self._runs))
        for source in self.files:
            shutil.copyfile(source, self._staged / source.name)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._staged, ignore_errors=True)

    def place(self, number: int) -> None:
        """Make the files the artifacts of that run, inside the transaction that records it."""
        folder = self._runs / str(number)
        # What stands there is left from a number whose transaction was rolled back.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self._staged.chmod(0o755)
        self._staged.rename(folder / ARTIFACTS)
