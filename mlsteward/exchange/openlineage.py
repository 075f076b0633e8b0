"""Runs as OpenLineage events (https://openlineage.io/spec/2-0-2): plain facts in, dictionaries for JSON out.

A run has a START event and one of COMPLETE, FAIL and ABORT. The same facts give the same events, so an event that is
sent again is recognised as the same.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from mlsteward.exchange.openlineage_facets import (
    DATASET_FACETS,
    INPUT_FACETS,
    JOB_FACETS,
    OUTPUT_FACETS,
    RUN_FACETS,
    Facets,
    column_lineage,
)
from mlsteward.record import Record

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACET_SCHEMAS = "https://openlineage.io/spec/facets"
Ending = Literal["COMPLETE", "FAIL", "ABORT"]
DatasetKind = Literal["TABLE", "MODEL", "FILE"]


class Field(Record):
    """A column."""

    name: str
    type: str = ""
    description: str = ""


class Metrics(Record):
    """What a column holds. Only numbers; what a sink may not see is None."""

    nulls: int
    distinct: int
    rows: int
    minimum: float | None = None
    maximum: float | None = None
    quantiles: dict[str, float] = {}


class Assertion(Record):
    """What came of one check; `column` is "" for one of the whole table."""

    name: str
    column: str = ""
    passed: bool
    severity: str
    actual: str = ""
    words: str = ""

    @property
    def type(self) -> str:
        """`null_values` for `null_values(amount)`."""
        return self.name.partition("(")[0].strip()


class Dependency(Record):
    """`field` (of every row, for "") depends on a column of another dataset."""

    field: str
    namespace: str
    dataset: str
    column: str
    type: Literal["DIRECT", "INDIRECT"]
    subtype: str = ""


class DatasetFacts(Record):
    """A dataset, a model, or what lies outside. `uri` is where the rows come from."""

    namespace: str
    name: str
    kind: DatasetKind = "TABLE"
    version: str = ""
    description: str = ""
    owner: str = ""
    uri: str = ""
    fields: list[Field] = []
    rows: int | None = None
    bytes: int | None = None
    metrics: dict[str, Metrics] = {}
    assertions: list[Assertion] = []
    dependencies: list[Dependency] = []


class Parent(Record):
    """The run of another system within which ours happened."""

    namespace: str
    job: str
    run: str


class RunFacts(Record):
    """A run of `kind`; `ending` is None while it goes on. `tests` are checks of what it made."""

    id: uuid.UUID
    namespace: str
    job: str
    kind: str
    started: datetime
    ended: datetime | None = None
    ending: Ending | None = None
    error: str = ""
    reason: str = ""
    sql: str = ""
    tags: dict[str, str] = {}
    parent: Parent | None = None
    tests: list[Assertion] = []
    inputs: list[DatasetFacts] = []
    outputs: list[DatasetFacts] = []


def run_id(workspace: str, number: int) -> uuid.UUID:
    """The identifier of a run, the same whenever it is asked for (a UUID of version 5 in the workspace's own)."""
    return uuid.uuid5(uuid.UUID(workspace), f"run:{number}")


def start_event(run: RunFacts) -> dict[str, Any]:
    """That a run began. What it reads and makes is told when it ends."""
    return _event(run, "START", run.started, {}, [], [])


def end_event(run: RunFacts) -> dict[str, Any]:
    """How a run ended, with what it read and made."""
    assert run.ending
    facets: Facets = {}
    if run.ending == "FAIL":
        facets["errorMessage"] = {"message": run.error or "It failed.", "programmingLanguage": "Python"}
    if run.tests:
        facets["test"] = {"tests": [_test(one) for one in run.tests]}
    return _event(
        run,
        run.ending,
        run.ended or run.started,
        facets,
        [_dataset(one, "inputFacets") for one in run.inputs],
        [_dataset(one, "outputFacets") for one in run.outputs],
    )


def events_of(run: RunFacts) -> list[dict[str, Any]]:
    """What there is to tell of a run by now."""
    return [start_event(run), end_event(run)] if run.ending else [start_event(run)]


def _event(
    run: RunFacts,
    state: str,
    at: datetime,
    facets: Facets,
    inputs: Sequence[dict[str, Any]],
    outputs: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "eventType": state,
        "eventTime": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "run": {"runId": str(run.id), "facets": _signed({**_run_facets(run), **facets}, RUN_FACETS)},
        "job": {"namespace": run.namespace, "name": run.job, "facets": _signed(_job_facets(run), JOB_FACETS)},
        "inputs": list(inputs),
        "outputs": list(outputs),
        "producer": producer(),
        "schemaURL": SCHEMA,
    }


def producer() -> str:
    """Who says so: this version of the package."""
    return f"https://pypi.org/project/mlsteward/{version('mlsteward')}"


def _run_facets(run: RunFacts) -> Facets:
    facets: Facets = {
        "processing_engine": {
            "name": "mlsteward",
            "version": version("mlsteward"),
            "openlineageAdapterVersion": version("mlsteward"),
        }
    }
    if run.tags:
        tags = [{"key": key, "value": value, "source": "mlsteward"} for key, value in run.tags.items() if value]
        facets["tags"] = {"tags": tags}
    if run.parent:
        facets["parent"] = {
            "run": {"runId": run.parent.run},
            "job": {"namespace": run.parent.namespace, "name": run.parent.job},
        }
    return facets


def _job_facets(run: RunFacts) -> Facets:
    facets: Facets = {"jobType": {"processingType": "BATCH", "integration": "MLSTEWARD", "jobType": run.kind.upper()}}
    if run.reason:
        facets["documentation"] = {"description": run.reason}
    if run.sql:
        facets["sql"] = {"query": run.sql, "dialect": "duckdb"}
    return facets


def _dataset(facts: DatasetFacts, own: Literal["inputFacets", "outputFacets"]) -> dict[str, Any]:
    facets: Facets = {"datasetType": {"datasetType": facts.kind}}
    if facts.fields:
        facets["schema"] = {"fields": [_field(one, place) for place, one in enumerate(facts.fields, start=1)]}
    if facts.uri:
        facets["dataSource"] = {"name": facts.namespace, "uri": facts.uri}
    if facts.description:
        facets["documentation"] = {"description": facts.description}
    if facts.owner:
        facets["ownership"] = {"owners": [{"name": facts.owner, "type": "OWNER"}]}
    if facts.version:
        facets["version"] = {"datasetVersion": facts.version}
    if facts.dependencies:
        facets["columnLineage"] = column_lineage([one.model_dump() for one in facts.dependencies])
    dataset = {"namespace": facts.namespace, "name": facts.name}
    if own == "inputFacets":
        return {**dataset, "facets": _signed(facets, DATASET_FACETS), own: _signed(_input_facets(facts), INPUT_FACETS)}
    if facts.metrics:
        facets["dataQualityMetrics"] = _metrics(facts)
    return {**dataset, "facets": _signed(facets, DATASET_FACETS), own: _signed(_output_facets(facts), OUTPUT_FACETS)}


def _field(field: Field, place: int) -> dict[str, Any]:
    described = {"description": field.description} if field.description else {}
    typed = {"type": field.type} if field.type else {}
    return {"name": field.name, **typed, **described, "ordinal_position": place}


def _input_facets(facts: DatasetFacts) -> Facets:
    facets: Facets = {}
    if facts.metrics:
        facets["dataQualityMetrics"] = _metrics(facts)
    if facts.assertions:
        facets["dataQualityAssertions"] = {"assertions": [_assertion(one) for one in facts.assertions]}
    return facets


def _output_facets(facts: DatasetFacts) -> Facets:
    if facts.rows is None:
        return {}
    size = {} if facts.bytes is None else {"size": facts.bytes}
    return {"outputStatistics": {"rowCount": facts.rows, **size}}


def _metrics(facts: DatasetFacts) -> dict[str, Any]:
    counts = {} if facts.rows is None else {"rowCount": facts.rows}
    size = {} if facts.bytes is None else {"bytes": facts.bytes}
    columns = {name: _column_metrics(one) for name, one in facts.metrics.items()}
    return {**counts, **size, "columnMetrics": columns}


def _column_metrics(one: Metrics) -> dict[str, Any]:
    known = {
        "nullCount": one.nulls,
        "distinctCount": one.distinct,
        "count": one.rows - one.nulls,
        "min": one.minimum,
        "max": one.maximum,
        "quantiles": one.quantiles or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _assertion(one: Assertion) -> dict[str, Any]:
    column = {"column": one.column} if one.column else {}
    return {"assertion": one.type, "success": one.passed, **column, **_told(one)}


def _test(one: Assertion) -> dict[str, Any]:
    column = {"params": {"column": one.column}} if one.column else {}
    return {"type": one.type, "status": "pass" if one.passed else "fail", **column, **_told(one)}


def _told(one: Assertion) -> dict[str, str]:
    severity = "warn" if one.severity == "warning" else one.severity
    known = {"name": one.name, "severity": severity, "description": one.words, "actual": one.actual}
    return {name: value for name, value in known.items() if value}


def _signed(facets: Facets, schemas: dict[str, str]) -> Facets:
    """Facets with who says so and which schema they follow."""
    return {
        name: {"_producer": producer(), "_schemaURL": f"{_FACET_SCHEMAS}/{schemas[name]}", **facet}
        for name, facet in facets.items()
    }
