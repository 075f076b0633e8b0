"""One resolver for what people point at: an asset of any kind that is there, or what was close."""

from collections.abc import Callable, Sequence

from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.lifecycle import read_status, write_status
from mlsteward.dictionary.term import called, phrases
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.names import Kind, Reference, close_names, parse_reference
from mlsteward.store.alerts import get_alert
from mlsteward.store.datasets import dataset_names, find_dataset
from mlsteward.store.deployments import find_deployment
from mlsteward.store.dictionary import all_terms, find_entry, find_term
from mlsteward.store.models import find_model, model_names
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction


def find_asset(transaction: Transaction, text: str) -> Reference:
    """The asset that `flights`, `flights@3`, `flights.dep_delay`, `term:late_flight`, `run:142`, … names, as it is
    spelled. Without a kind it is a column where there is a dot, else a dataset, a term or a model, in this order.

    Raises NotFound with what was close.
    """
    bare = text.strip()
    if ":" in bare:
        reference = parse_reference(bare)
        return _FINDERS[reference.kind](transaction, reference)
    if "." in bare:
        return _column(transaction, parse_reference(bare, default="column"))
    return _of_any_kind(transaction, bare)


def _of_any_kind(transaction: Transaction, text: str) -> Reference:
    name = text.partition("@")[0].strip()
    datasets, models, terms = dataset_names(transaction), model_names(transaction), all_terms(transaction)
    if name in datasets:
        return _dataset(transaction, parse_reference(text))
    if term := called(text, terms):
        return parse_reference(term[0].asset)
    if name in models:
        return _model(transaction, parse_reference(text, default="model"))
    known = {dataset: f"dataset:{dataset}" for dataset in datasets} | {model: f"model:{model}" for model in models}
    # Anything is like a name of a letter or two.
    known |= {phrase: term.asset for term in terms for phrase in phrases(term) if len(phrase) > 2}
    close = list(dict.fromkeys(known[found] for found in close_names(text, known)))
    raise NotFound(f"There is no dataset, term or model {text!r}.", close=close, next="lookup_data_dictionary()")


def _dataset(transaction: Transaction, reference: Reference) -> Reference:
    found = find_dataset(transaction, str(reference))
    return Reference("dataset", found.name, version=str(found.version) if reference.version else "")


def _column(transaction: Transaction, reference: Reference) -> Reference:
    if reference.version:
        _dataset(transaction, Reference("dataset", reference.name, version=reference.version))
    entry = find_entry(transaction, reference.bare)
    return Reference("column", entry.dataset, entry.column, reference.version)


def _term(transaction: Transaction, reference: Reference) -> Reference:
    return parse_reference(find_term(transaction, reference.bare).asset)


def _model(transaction: Transaction, reference: Reference) -> Reference:
    found = find_model(transaction, str(reference))
    return Reference("model", found.name, version=str(found.version) if reference.version else "")


def _run(transaction: Transaction, reference: Reference) -> Reference:
    return parse_reference(get_run(transaction, int(reference.name)).label)


def _alert(transaction: Transaction, reference: Reference) -> Reference:
    return parse_reference(get_alert(transaction, int(reference.name)).label)


def _deployment(transaction: Transaction, reference: Reference) -> Reference:
    return parse_reference(find_deployment(transaction, str(reference)).label)


_FINDERS: dict[Kind, Callable[[Transaction, Reference], Reference]] = {
    "dataset": _dataset,
    "column": _column,
    "term": _term,
    "model": _model,
    "run": _run,
    "alert": _alert,
    "deployment": _deployment,
}


def resolve_status(transaction: Transaction, entry: Entry, text: str) -> str:
    """A status as entries keep it. What takes the place of something deprecated must be there, and of its kind."""
    status, successor = read_status(text)
    if not successor:
        return status
    if ":" not in successor and entry.kind in ("term", "model"):
        successor = f"{entry.kind}:{successor}"
    if entry.kind == "column" and "." not in successor:
        successor = f"column:{entry.dataset}.{successor}"
    found = find_asset(transaction, successor)
    if found.kind != entry.kind or found.bare == entry.asset:
        raise InvalidArgument(f"Another {entry.kind} can take the place of {entry.name}, and not {found.bare}.")
    return write_status(status, found.bare)


def pairs_to_link(transaction: Transaction, entry: Entry, related: Sequence[str]) -> dict[tuple[str, str], bool]:
    """Pairs of term and asset that people want linked, or not (`-on_time`), with an entry.

    What stands beside a term may be of any kind; beside anything else it is a term.
    """
    pairs: dict[tuple[str, str], bool] = {}
    for text in related:
        name = text.strip().removeprefix("-").strip()
        if not name:
            continue
        if entry.kind == "term":
            other = find_asset(transaction, name)
        else:
            other = parse_reference(find_term(transaction, name).asset)
        pairs[_pair(entry, other)] = not text.strip().startswith("-")
    return pairs


def _pair(entry: Entry, other: Reference) -> tuple[str, str]:
    if other.kind not in ("dataset", "column", "term", "model") or other.bare == entry.asset:
        raise InvalidArgument(
            f"A term is linked to datasets, columns, models and other terms; {other} is no such asset of {entry.name}."
        )
    if entry.kind != "term":
        return other.bare, entry.asset
    # Two terms have one link, whichever of them it was said of.
    first, second = sorted((entry.asset, other.bare)) if other.kind == "term" else (entry.asset, other.bare)
    return first, second
