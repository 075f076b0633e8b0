"""`mlsteward tag flights@3 golden`: names for versions, which every tool takes as in `flights@golden`."""

import argparse

from rich.console import Console
from rich.table import Table

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument
from mlsteward.names import parse_reference
from mlsteward.server.command import Command
from mlsteward.store.activity import add_activity
from mlsteward.store.datasets import find_dataset
from mlsteward.store.tags import all_tags, drop_tag, put_tag
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace


def tag(settings: Settings, dataset: str, name: str, *, delete: bool) -> int:
    """Set a tag, take it away, or list those there are."""
    workspace = Workspace(settings)
    console = Console(soft_wrap=True, highlight=False)
    try:
        if not name:
            if delete:
                raise InvalidArgument("Name the tag to take away: mlsteward tag flights golden --delete")
            _list(workspace, console, dataset)
        else:
            change = _take_away if delete else _put
            console.print(workspace.store.write(lambda t: change(t, dataset, name, workspace.user)))
    finally:
        workspace.close()
    return 0


def _put(t: Transaction, dataset: str, name: str, user: str) -> str:
    version = find_dataset(t, dataset)
    before = put_tag(t, version.name, version.version, name, user)
    moved = f", moved from {version.name}@{before}" if before not in (None, version.version) else ""
    words = f"{version.name}@{name} is {version.label}{moved}."
    if before != version.version:
        add_activity(t, actor=user, client="mlsteward tag", action="tag", asset=f"dataset:{version.label}", why=words)
    return words


def _take_away(t: Transaction, dataset: str, name: str, user: str) -> str:
    dataset = parse_reference(dataset).name
    number = drop_tag(t, dataset, name)
    words = f"{dataset}@{name} is no more; it was {dataset}@{number}."
    add_activity(t, actor=user, client="mlsteward tag", action="tag", asset=f"dataset:{dataset}@{number}", why=words)
    return words


def _list(workspace: Workspace, console: Console, dataset: str) -> None:
    name = workspace.store.read(lambda t: find_dataset(t, dataset, rows=False)).name if dataset else ""
    tags = [one for one in workspace.store.read(all_tags) if name in ("", one.dataset)]
    if not tags:
        console.print(f"No version of {name} has a tag." if name else "No version has a tag.")
        return
    table = Table("tag", "version", "set", "by")
    for one in tags:
        table.add_row(one.label, f"{one.dataset}@{one.version}", f"{one.created:%Y-%m-%d %H:%M}", one.actor)
    console.print(table)


def _arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", nargs="?", default="", help="flights@3; without it all tags are listed")
    parser.add_argument("tag", nargs="?", default="", help="golden; without it the dataset's tags are listed")
    parser.add_argument("--delete", action="store_true", help="take the tag away")


def _run(settings: Settings, given: argparse.Namespace) -> int:
    return tag(settings, given.dataset, given.tag, delete=given.delete)


COMMAND = Command("tag", "name a version of a dataset, as in flights@golden", _arguments, _run)
