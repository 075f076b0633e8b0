"""`mlsteward checkout flights@3 DIR`: a version's rows as a file of one's own."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from mlsteward.answer import counted
from mlsteward.config import Settings
from mlsteward.data.engine import connect, literal, quote
from mlsteward.data.snapshot import verify_snapshot
from mlsteward.errors import InvalidArgument
from mlsteward.server.command import Command, remember
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.masking import masked_columns
from mlsteward.workspace import Workspace

_OPTIONS = {
    "parquet": "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2",
    "csv": "FORMAT csv, HEADER true",
}


def checkout(settings: Settings, dataset: str, folder: str, *, format: str = "parquet", force: bool = False) -> int:
    """Write the rows to `folder`, after the snapshot has been compared with the hash it was registered under.

    An existing file stays unless `force` says otherwise. Columns above the clearance of the settings are null.
    """
    workspace = Workspace(settings)
    try:
        version = workspace.store.read(lambda t: find_dataset(t, dataset))
        hidden = workspace.store.read(lambda t: masked_columns(t, version.name, settings.clearance))
        target = Path(folder).expanduser().resolve() / f"{version.label}.{format}"
        if target.exists() and not force:
            raise _exists(target)
        remember(workspace, "checkout", f"dataset:{version.label}", f"rows to {target}")
    finally:
        workspace.close()
    source = verify_snapshot(workspace.folder, version.snapshot, version.source_hash, reference=version.reference)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=target.parent, prefix=".checkout-"))
    try:
        file = part / target.name
        if format == "parquet" and not hidden:
            shutil.copyfile(source, file)
        else:
            _convert(source, file, version, hidden, _OPTIONS[format], part / "spill")
        _place(file, target, force=force)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    masked = (
        f" Null because they lie above the clearance {settings.clearance}: {', '.join(sorted(hidden))}."
        if hidden
        else ""
    )
    sys.stdout.write(f"{target}: {counted(version.rows, 'row')} of {version.label}.{masked}\n")
    return 0


def _convert(source: Path, file: Path, version: DatasetVersion, hidden: set[str], options: str, spill: Path) -> None:
    columns = [
        f"NULL::{column.type} AS {quote(column.name)}" if column.name.casefold() in hidden else quote(column.name)
        for column in version.columns
    ]
    with connect(temp=spill) as connection:
        connection.execute(
            f"COPY (SELECT {', '.join(columns)} FROM read_parquet({literal(str(source))}))"
            f" TO {literal(str(file))} ({options})"
        )


def _place(file: Path, target: Path, *, force: bool) -> None:
    """Put a finished file in its place, whole; one that has come there meanwhile is not overwritten."""
    file.chmod(0o644)
    if not force:
        try:
            target.touch(exist_ok=False)
        except FileExistsError as error:
            raise _exists(target) from error
    file.replace(target)


def _exists(target: Path) -> InvalidArgument:
    return InvalidArgument(f"{target} exists already; add --force to replace it.")


def _arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", help="flights, flights@3 or flights@golden")
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--format", choices=list(_OPTIONS), default="parquet")
    parser.add_argument("--force", action="store_true", help="replace the file where there is one")


def _run(settings: Settings, given: argparse.Namespace) -> int:
    return checkout(settings, given.dataset, given.folder, format=given.format, force=given.force)


COMMAND = Command("checkout", "write a version's rows to a folder", _arguments, _run)
