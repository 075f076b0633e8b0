"""Runs that were trained elsewhere: their metrics as rows, their files copied in."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from mlsteward.data.paths import Folders
from mlsteward.errors import InvalidArgument, Refused
from mlsteward.runs.job import ARTIFACTS
from mlsteward.store.fields import SPLITS, read_field
from mlsteward.store.metrics import MetricRow

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


class Incoming:
    """Files on their way into the folder of a run that has no number yet.

    As a context it removes what was copied and not placed.
    """

    def __init__(self, runs: Path, files: Sequence[str], folders: Folders) -> None:
        self._runs = runs
        self._sources = [path for text in files for path in folders.find(text)]
        self.names = [path.name for path in self._sources]
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise InvalidArgument(f"Two artifacts are called {twice[0]!r}.")
        if sum(path.stat().st_size for path in self._sources) > _MOST_BYTES:
            raise Refused(f"The artifacts have more than {_MOST_BYTES >> 30} GiB together.")

    def __enter__(self) -> Self:
        self._runs.mkdir(parents=True, exist_ok=True)
        self._staged = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self._runs))
        for source in self._sources:
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
