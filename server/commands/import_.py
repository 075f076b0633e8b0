"""`mlsteward import odcs|dbt FILE…`: what other tools' documents say of registered datasets; `mlflow URI`: runs."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from mlsteward.answer import counted
from mlsteward.config import Settings
from mlsteward.contracts.check import Check, Contract
from mlsteward.data.engine import connect
from mlsteward.data.sql.first_wall import FirstWall
from mlsteward.errors import NotFound, StewardError
from mlsteward.exchange.dbt import read_dbt
from mlsteward.exchange.document import Described, Target
from mlsteward.exchange.odcs_read import read_odcs
from mlsteward.exchange.words import imported_words
from mlsteward.exchange.yaml_text import MOST_BYTES, read_yaml
from mlsteward.server.command import Command
from mlsteward.store.activity import add_activity
from mlsteward.store.contracts import contract_of, save_contract
from mlsteward.store.datasets import find_dataset, newest_versions
from mlsteward.store.dictionary import entries_of, write_words
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

Reader = Callable[[Mapping[str, object], Mapping[str, Target], str], list[Described]]
_READERS: dict[str, Reader] = {"odcs": read_odcs, "dbt": read_dbt}
_WRITERS = tuple(f" ({format})" for format in _READERS)


@dataclass
class Imported:
    """What came of one dataset's part of a document."""

    dataset: str
    entries: int = 0
    contract: Contract | None = None
    left_out: list[str] = field(default_factory=list[str])


def import_documents(
    settings: Settings, format: str, files: list[str], *, dataset: str = "", dry_run: bool = False
) -> int:
    """Read every file first, then write all that they say in one transaction."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    workspace = Workspace(settings)
    try:
        targets = workspace.store.read(lambda t: _targets(t, dataset))
        only = dataset and next(iter(targets))
        read = [(path, one) for path in map(Path, files) for one in _described(format, path, targets, only)]

        def write(t: Transaction) -> list[Imported]:
            return [_write(t, format, path, one, workspace.user, dry_run=dry_run) for path, one in read]

        for done in workspace.store.read(write) if dry_run else workspace.store.write(write):
            _print(console, done, dry_run=dry_run)
    finally:
        workspace.close()
    return 0


def _targets(t: Transaction, dataset: str) -> dict[str, Target]:
    versions = [find_dataset(t, dataset, rows=False)] if dataset else newest_versions(t)
    return {version.name: Target(name=version.name, columns=version.columns) for version in versions}


def _described(format: str, path: Path, targets: Mapping[str, Target], only: str) -> list[Described]:
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    with path.open("rb") as file:
        text = file.read(MOST_BYTES + 1).decode("utf-8", "replace")
    found = _READERS[format](read_yaml(text, path.name), targets, only)
    wall = FirstWall(connect(memory_mb=128))
    return [_with_sound_sql(one, wall) for one in found]


def _with_sound_sql(described: Described, wall: FirstWall) -> Described:
    """Without the checks whose SQL cannot be run here: another engine's dialect, or more than a query."""
    kept: list[Check] = []
    wrong: list[str] = []
    for check in described.checks:
        try:
            if check.sql:
                wall.read(check.sql)
            kept.append(check)
        except StewardError as error:
            wrong.append(f"rule {check.name!r}: {error.said()}")
    return described.model_copy(update={"checks": kept, "left_out": [*described.left_out, *wrong]})


def _write(t: Transaction, format: str, path: Path, described: Described, user: str, *, dry_run: bool) -> Imported:
    name = described.dataset
    words, left = imported_words(described, entries_of(t, name), f"{path.name} ({format})", _WRITERS)
    current = contract_of(t, name)
    contract = _contract(described, current, _targets(t, name)[name], whole=format == "odcs")
    done = Imported(name, len(words), contract, [*described.left_out, *left])
    if not dry_run:
        done.entries = len(write_words(t, words, user)) if words else 0
        done.contract = save_contract(t, contract, user) if contract else None
        if done.entries or contract:
            why = f"from {path.name} ({format})"
            add_activity(t, actor=user, client="mlsteward import", action="import", asset=f"dataset:{name}", why=why)
    return done


def _contract(described: Described, current: Contract | None, target: Target, *, whole: bool) -> Contract | None:
    """The contract that comes of it, None where nothing does.

    A `whole` document takes the place of the contract in force; else its checks are added, in place of those of the
    same name.
    """
    if not described.checks and not (whole and described.columns):
        return None
    before = current or Contract(dataset=described.dataset, columns=target.contract_columns)
    given = {check.name: check for check in described.checks}
    # Those that are in force keep their place: a document says nothing of the order.
    named = {one.name: given.get(one.name, one) for one in before.checks if not whole or one.name in given} | given
    update = {
        "checks": list(named.values()),
        "columns": described.columns or before.columns,
        "mode": described.mode or before.mode,
    }
    contract = before.model_copy(update=update)
    return None if current and contract == current else contract


def _print(console: Console, done: Imported, *, dry_run: bool) -> None:
    would = "would be" if dry_run else "were"
    words = f"{counted(done.entries, 'entry', 'entries')} of the dictionary {would} written"
    checks = f"a contract with {counted(len(done.contract.checks), 'check')}" if done.contract else "no new contract"
    console.print(f"{done.dataset}: {words}; {checks}.")
    for line in done.left_out:
        console.print(f"  left out: {line}")
    if done.contract and not dry_run:
        console.print(f'  next: check_data(dataset="{done.dataset}")')


def _arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    formats = parser.add_subparsers(dest="format", metavar="FORMAT", required=True)
    for name, words in (
        ("odcs", "Open Data Contract Standard: the dictionary's words and the whole contract"),
        ("dbt", "dbt's property files (schema.yml): words, and data tests as checks of the contract"),
    ):
        one = formats.add_parser(name, parents=[common], help=words)
        one.add_argument("files", nargs="+", metavar="FILE")
        one.add_argument("--dataset", default="", help="the dataset that the file's one table is about")
        one.add_argument("--dry-run", action="store_true", help="show what would come of it")
    mlflow = formats.add_parser("mlflow", parents=[common], help="runs, models and versions of an MLflow store")
    mlflow.add_argument("uri", metavar="URI", help="http(s)://HOST:PORT, sqlite:///mlflow.db or the folder mlruns")


def _run(settings: Settings, given: argparse.Namespace) -> int:
    if given.format == "mlflow":
        from mlsteward.server.mlflow.transfer import import_mlflow

        return import_mlflow(settings, given.uri)
    return import_documents(settings, given.format, given.files, dataset=given.dataset, dry_run=given.dry_run)


COMMAND = Command("import", "take in contracts and descriptions that other tools wrote", _arguments, _run)
