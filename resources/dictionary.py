"""The page `mlsteward://dictionary/{dataset}`."""

from itertools import pairwise

from mlsteward.dictionary.card import card_of
from mlsteward.dictionary.entry import WORDS, Entry
from mlsteward.server.declare import Page
from mlsteward.store.catalogue import read_catalogue
from mlsteward.store.datasets import dataset_names
from mlsteward.store.dictionary import entry_history
from mlsteward.workspace import Workspace


def dictionary_page(workspace: Workspace, dataset: str) -> str:
    """Everything recorded about a dataset and each of its columns, with the history of every entry."""
    catalogue = read_catalogue(workspace.store)
    name = catalogue.find_dataset(dataset)
    history = workspace.store.read(lambda transaction: entry_history(transaction, name))
    lines = [f"# Data dictionary of {name}"]
    for entry in catalogue.dataset(name):
        card = card_of(entry, catalogue.beside(entry), room=10_000)
        lines += ["", f"## {entry.column or name}", "", card.verdict, ""]
        lines += [f"- {line}" for line in card.lines()]
        lines += _changes([version for version in history if version.asset == entry.asset])
    return "\n".join(lines) + "\n"


def _changes(versions: list[Entry]) -> list[str]:
    """What each version but the first changed, newest first."""
    if len(versions) < 2:
        return []
    lines = ["- earlier versions:"]
    for newer, older in pairwise(versions):
        fields = [field for field in WORDS if getattr(newer, field) != getattr(older, field)]
        was = "; ".join(f"{field} was “{older.word(field)}”" for field in fields if older.word(field))
        when = f"{newer.changed:%Y-%m-%d %H:%M}" if newer.changed else ""
        lines.append(
            f"  - version {newer.version}, {when} by {newer.actor}: {', '.join(fields) or 'facts'}. {was}".rstrip()
        )
    return lines


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda transaction: dataset_names(transaction, prefix))


PAGES = [
    Page(
        "mlsteward://dictionary/{dataset}",
        dictionary_page,
        title="Data dictionary of a dataset",
        complete={"dataset": _names},
    )
]
