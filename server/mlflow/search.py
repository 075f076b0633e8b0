"""MLflow's search for runs: its filters and orders, said in ours."""

from collections.abc import Callable
from datetime import datetime

from mlsteward.errors import InvalidArgument, InvalidFilter, NotSupported
from mlsteward.exchange.mlflow import NAME_TAG, RUN_STATUS, metric_place
from mlsteward.server.mlflow.endpoint import Endpoint, Logging, Message
from mlsteward.server.mlflow.matching import Wanted, read_order
from mlsteward.server.mlflow.messages import RunMessage, moment
from mlsteward.server.mlflow.present import run_messages
from mlsteward.store.fields import Field, read_field
from mlsteward.store.filters import Combined, Comparison, Filter, Not, Value, parse_filter
from mlsteward.store.mlflow_runs import find_logged_run, logged_runs
from mlsteward.store.run_query import filter_runs
from mlsteward.store.transaction import Transaction

_STAGES = {"ACTIVE_ONLY": ["active"], "DELETED_ONLY": ["deleted"], "ALL": ["active", "deleted"]}
_AMONG = "SELECT run FROM mlflow_runs WHERE experiment IN (SELECT unnest(?)) AND stage IN (SELECT unnest(?))"
_ATTRIBUTES = {
    "run_id": "number",
    "run_uuid": "number",
    "status": "state",
    "run_name": "name",
    "user_id": "actor",
    "created": "started",
    "start_time": "started",
    "end_time": "finished",
}


class SearchRuns(Wanted):
    experiment_ids: list[str] = []
    run_view_type: str = "ACTIVE_ONLY"


class Found(Message):
    runs: list[RunMessage]
    next_page_token: str | None = None


def search_runs(call: Logging, wanted: SearchRuns) -> Found:
    stages = _STAGES.get(wanted.run_view_type)
    if stages is None:
        raise InvalidArgument(f"run_view_type={wanted.run_view_type!r} is none of {', '.join(_STAGES)}.")
    where = parse_filter(wanted.filter)
    numbers = filter_runs(
        call.t,
        _AMONG,
        [wanted.experiment_ids, stages],
        _ours(call.t, where) if where else None,
        [_order(written) for written in wanted.order_by] or [(read_field("started"), True)],
        limit=wanted.max_results + 1,
        offset=wanted.offset,
    )
    more = len(numbers) > wanted.max_results
    known = logged_runs(call.t, numbers[: wanted.max_results])
    runs = run_messages(call.t, [known[number] for number in numbers[: wanted.max_results]])
    return Found(runs=runs, next_page_token=str(wanted.offset + wanted.max_results) if more else None)


def _order(written: str) -> tuple[Field, bool]:
    name, descends = read_order(written)
    return read_field(_field(name)), descends


def _ours(t: Transaction, where: Filter) -> Filter:
    if isinstance(where, Not):
        return Not(_ours(t, where.part))
    if isinstance(where, Combined):
        return Combined(where.word, tuple(_ours(t, part) for part in where.parts))
    field = _field(where.field)
    convert = _values(t, field)
    return Comparison(field, where.operator, tuple(convert(value) for value in where.values))


def _field(written: str) -> str:
    """Our name of a field that MLflow calls `metrics.training_score`, `params.depth` or `attributes.start_time`."""
    first, _, rest = written.partition(".")
    if first in ("metric", "metrics"):
        split, name = metric_place(rest)
        return f"metrics.{split}.{name}"
    if first in ("param", "params", "parameter", "parameters"):
        return f"params.{rest}"
    if first in ("tag", "tags"):
        return "name" if rest == NAME_TAG else f"tags.{rest}"
    if first in ("dataset", "datasets"):
        raise NotSupported("Runs are not searched by their datasets here; a tag serves.")
    bare = (rest if first in ("attribute", "attributes", "attr", "run") and rest else written).lower().replace(" ", "_")
    if bare not in _ATTRIBUTES:
        known = ", ".join(sorted(_ATTRIBUTES))
        raise InvalidFilter(f"`{written}` is no field of runs: there are metrics.…, params.…, tags.… and {known}.")
    return _ATTRIBUTES[bare]


def _values(t: Transaction, field: str) -> Callable[[Value], Value]:
    if field == "number":
        return lambda value: _number_of(t, str(value))
    if field == "state":
        return lambda value: RUN_STATUS.get(str(value).upper(), str(value))
    if field in ("started", "finished"):
        return _time
    if field.startswith("params."):
        return lambda value: value == "True" if value in ("True", "False") else str(value)
    return lambda value: value


def _number_of(t: Transaction, run_id: str) -> int:
    found = find_logged_run(t, run_id)
    return found.run if found else 0


def _time(value: Value) -> Value:
    found = moment(int(value)) if str(value).isdigit() else None
    if found is None:
        raise InvalidFilter(f"A time is compared with milliseconds since 1970, and {value!r} is none.")
    return datetime.isoformat(found)


ENDPOINTS = [Endpoint("POST", "/mlflow/runs/search", search_runs)]
