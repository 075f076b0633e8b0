"""What `record_outcomes` needs of the store: the deployment, its model, and the source of outcomes."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlsteward.data.postgres_address import POSTGRES
from mlsteward.data.remote import holds_secret
from mlsteward.data.sources import SourceOrder, check_source
from mlsteward.dictionary.sensitivity import DEFAULT
from mlsteward.errors import InvalidArgument, InvalidName, NotFound, NotSupported
from mlsteward.names import check_dataset_name, close_names
from mlsteward.runs.jobs.outcomes import GIVEN, Request
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.deployments import find_deployment
from mlsteward.store.masking import check_open, masks_of
from mlsteward.store.models import find_model
from mlsteward.store.outcomes import outcome_files
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

MOST_ROWS = 1000
_LONGEST = 2000
_WORDS = {"right": True, "correct": True, "yes": True, "true": True, "wrong": False, "no": False, "false": False}


def outcome_request(
    t: Transaction,
    workspace: Workspace,
    deployment: str,
    source: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: str,
    outcome: str,
    actor: str,
) -> Request:
    """The request for a worker. Raises InvalidArgument, NotFound and Refused in words."""
    if bool(source) == bool(rows):
        raise InvalidArgument("Give either a source of outcomes or rows.", next="check_deployment()")
    found = find_deployment(t, deployment)
    model = find_model(t.whole, found.model)
    version = _dataset(t, source)
    if version:
        check_open(t.masks, version.name, [column.name for column in version.columns])
    elif source:
        _check_file(source, workspace)
    settings = workspace.settings
    return Request(
        deployment=found.name,
        model=found.model,
        classes=list(model.classes),
        target=model.target,
        files=outcome_files(t, found.name),
        rows=_checked(rows, key, outcome, model.target),
        dataset=version.label if version else "",
        snapshot=version.snapshot if version else "",
        source=SourceOrder(
            text="" if version else source,
            folders=workspace.readable,
            allow_private_addresses=settings.allow_private_addresses,
            limit_mb=settings.snapshot_limit_mb,
        ),
        key=key,
        outcome=outcome,
        actor=actor,
        open=not masks_of(t, DEFAULT).level(model.dataset, model.target),
    )


def _dataset(t: Transaction, source: str) -> DatasetVersion | None:
    """The dataset that a source names; None where it names something else."""
    named = source.removeprefix("dataset:")
    try:
        check_dataset_name(named.partition("@")[0])
        return find_dataset(t, named)
    except (InvalidName, NotFound):
        if named != source:
            raise
        return None


def _check_file(source: str, workspace: Workspace) -> None:
    if source.startswith(POSTGRES) or holds_secret(source):
        raise NotSupported(
            "Outcomes are read from files, addresses without passwords, and datasets.",
            next=f'register_dataset(name="outcomes", source="{source.partition("@")[2] or source}")',
        )
    check_source(source, workspace.readable)


def _checked(
    rows: Sequence[Mapping[str, Any]], key: str, outcome: str, target: str
) -> list[dict[str, str | bool | None]]:
    """Rows of a call under the names that pieces have. Raises InvalidArgument with a line for each that is wrong."""
    if len(rows) > MOST_ROWS:
        raise InvalidArgument(f"{len(rows)} rows are more than the {MOST_ROWS} that fit a call: put them into a file.")
    problems: list[str] = []
    found: list[dict[str, str | bool | None]] = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(_row(row, {key: "key", outcome: "outcome", target: "outcome"}))
        except ValueError as error:
            problems.append(f"row {number} {error}")
    if problems:
        more = [f"and {len(problems) - 8} more"] if len(problems) > 8 else []
        raise InvalidArgument("\n- ".join(["Nothing was recorded:", *problems[:8], *more]))
    return found


def _row(row: Mapping[str, Any], other_names: Mapping[str, str]) -> dict[str, str | bool | None]:
    named = {name if name in GIVEN else other_names.get(name, name): value for name, value in row.items()}
    if unknown := set(named) - set(GIVEN):
        close = close_names(min(unknown), GIVEN)
        raise ValueError(f"has `{min(unknown)}`; " + (f"did you mean `{close[0]}`?" if close else _fields()))
    given = {name: value for name, value in named.items() if value is not None and value != ""}
    if ("prediction_id" in given) == ("key" in given):
        raise ValueError("names its prediction by either prediction_id or key")
    if not {"outcome", "correct", "why"} & set(given):
        raise ValueError("says nothing: outcome is what was true, correct whether the prediction was, why is words")
    result: dict[str, str | bool | None] = dict.fromkeys(GIVEN)
    for name, value in given.items():
        result[name] = _truth(value) if name == "correct" else _text(name, value)
    return result


def _fields() -> str:
    return f"it has {', '.join(GIVEN)}"


def _truth(value: object) -> bool:
    said = _WORDS.get(str(value).strip().lower())
    if said is None:
        raise ValueError(f"has correct={value!r}: it is true or false")
    return said


def _text(name: str, value: object) -> str:
    if isinstance(value, dict | list):
        raise ValueError(f"has a {name} that is not a single value")
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"has a {name} that is no valid Unicode text")
    if len(text) > _LONGEST:
        raise ValueError(f"has a {name} of {len(text)} characters; {_LONGEST} at most")
    return text
