"""The page `mlsteward://dictionary/{dataset}`."""

from dataclasses import replace

from mlsteward.dictionary.card import card_of
from mlsteward.dictionary.comment import Feedback, comments_section
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.versions import changes
from mlsteward.server.declare import Page
from mlsteward.store.catalogue import read_catalogue
from mlsteward.store.comments import comments_of
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
        beside = catalogue.beside(entry)
        # Comments have a part of their own, made safe for Markdown.
        card = card_of(entry, replace(beside, feedback=Feedback()), room=10_000)
        lines += ["", f"## {entry.column or name}", "", card.verdict, ""]
        lines += [f"- {line}" for line in card.lines()]
        lines += changes([version for version in history if version.asset == entry.asset])
        if beside.feedback.total:
            lines += _comments(workspace, entry)
    return "\n".join(lines) + "\n"


def _comments(workspace: Workspace, entry: Entry) -> list[str]:
    comments = workspace.store.read(lambda transaction: comments_of(transaction, entry.asset))
    return comments_section(comments, heading="###")


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
