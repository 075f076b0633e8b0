"""The page `mlsteward://models/{name}/{version}/card`."""

from mlsteward.exchange.model_card import write_card
from mlsteward.runs.card_facts import CardFacts, card_facts
from mlsteward.runs.model_card import model_card
from mlsteward.server.declare import Page
from mlsteward.store.aliases import aliases_of
from mlsteward.store.models import find_model, model_names, versions_of
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace


def model_card_page(workspace: Workspace, name: str, version: str) -> str:
    """A version's model card: Hugging Face metadata, and what Annex IV of the EU AI Act asks for as far as recorded.

    `version` is a number, an alias such as champion, or latest.
    """

    def read(t: Transaction) -> CardFacts:
        return card_facts(t, workspace.folder, find_model(t, f"model:{name}@{version}"))

    workspace.runs.take_in()
    return write_card(model_card(workspace.store.read(read)))


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda t: model_names(t, prefix))


def _versions(workspace: Workspace, prefix: str) -> list[str]:
    """Versions and aliases of any model: which one is meant is not told when a version is completed."""

    def read(t: Transaction) -> list[str]:
        names = model_names(t)
        known = [str(model.version) for name in names for model in versions_of(t, name)]
        return sorted({*known, *(alias for name in names for alias in aliases_of(t, name)), "latest"})

    return [one for one in workspace.store.read(read) if one.startswith(prefix)]


PAGES = [
    Page(
        "mlsteward://models/{name}/{version}/card",
        model_card_page,
        title="The card of a model's version",
        complete={"name": _names, "version": _versions},
    )
]
