"""Lineage of workspaces that were there before it was recorded."""

import shutil
from pathlib import Path
from typing import Any

from mlsteward.store.lineage import downstream_of, edges_to, upstream_of
from mlsteward.store.migrations import __path__ as folders
from mlsteward.store.models import find_model
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction

NOW = "2026-01-01T00:00:00"


def fill(t: Transaction) -> None:
    """A registered table, a chain of two statements over it, a model, its predictions, and what runs looked at."""
    for name, source, sources, sql, run in (
        ("flights", "sample:flights", [], "", 1),
        ("cleaned", "", ["dataset:flights@1"], "SELECT * FROM flights", 2),
        ("late", "", ["dataset:cleaned@1", "dataset:flights@1"], 'SELECT * FROM cleaned, "flights@1"', 3),
        ("scored", "model:delay@1", ["dataset:late@1"], "", 5),
    ):
        t.insert("datasets", [{"name": name, "family": name, "description": "", "created": NOW}])
        t.insert("dataset_versions", [_version(name, source, sources, sql, run)])
    importance = [{"columns": ["dep_delay", "copy"], "value": 0.2, "error": 0.1}, {"columns": ["hops"], "value": 0.1}]
    t.insert("runs", [_run(4, "train", "", "late@1", {"importance": importance})])
    t.insert("runs", [_run(6, "evaluate", "delay@1", "late@1", {})])
    t.insert("runs", [_run(7, "drift", "", "late@1", {})])
    t.insert("models", [_model()])


def _version(name: str, source: str, sources: list[str], sql: str, run: int) -> dict[str, Any]:
    words = dict.fromkeys(("fingerprint", "schema_hash", "source_hash", "algorithm", "engine", "snapshot", "actor"), "")
    measures = {"version": 1, "rows": 1, "bytes": 1, "reference": False, "run": run, "created": NOW}
    lists: dict[str, Any] = {"columns": [], "warnings": [], "column_fingerprints": {}, "profile": {"columns": []}}
    return {**words, **measures, **lists, "name": name, "source": source, "sources": sources, "sql": sql}


def _run(number: int, kind: str, name: str, dataset: str, result: dict[str, Any]) -> dict[str, Any]:
    words = dict.fromkeys(("fingerprint", "target", "actor", "client", "reason", "error"), "")
    parts: dict[str, Any] = {"params": {}, "tags": {}, "environment": {}, "result": result, "created": NOW}
    return {**words, **parts, "number": number, "kind": kind, "name": name, "state": "completed", "dataset": dataset}


def _model() -> dict[str, Any]:
    words = dict.fromkeys(("fingerprint", "path", "sha256", "estimator", "actor"), "")
    signature = [{"name": name, "type": "DOUBLE", "kind": "number"} for name in ("dep_delay", "hops", "spare")]
    parts: dict[str, Any] = {"classes": [], "metrics": {}, "split": {}, "signature": signature, "created": NOW}
    named = {"run": 4, "name": "delay", "version": 1, "task": "binary", "target": "late", "dataset": "late@1"}
    return {**words, **parts, **named, "threshold": 0.5, "metric": "roc_auc"}


def test_an_older_workspace_gets_the_lineage_that_it_knew(tmp_path: Path) -> None:
    old = tmp_path / "migrations"
    old.mkdir()
    for path in sorted(Path(folders[0]).glob("000[1-5]_*.sql")):
        shutil.copy(path, old)
    store = Store(tmp_path / "store.duckdb", migrations=old)
    store.write(fill)
    store.close()
    store = Store(tmp_path / "store.duckdb")
    assert store.read(lambda t: upstream_of(t, "dataset:scored")) == [
        "model:delay@1",
        "dataset:late@1",
        "dataset:cleaned@1",
        "dataset:flights@1",
        "source:sample:flights",
    ]
    # Which columns a statement took was not recorded: each may be anywhere in its result.
    assert "model:delay@1" in store.read(lambda t: downstream_of(t, "column:flights@1.distance"))
    edges = {edge.source: edge for edge in store.read(lambda t: edges_to(t, ["model:delay@1"]))}
    assert edges["column:late@1.hops"].detail == {"importance": 0.1, "metric": "roc_auc", "rank": 2}
    assert edges["column:late@1.spare"].detail == {}
    assert edges["column:late@1.late"].kind == "target"
    looked = {edge.source for edge in store.read(lambda t: edges_to(t, ["run:6", "run:7"]))}
    assert looked == {"model:delay@1", "dataset:late@1"}
    pinned = {edge.source: edge.detail.get("pinned") for edge in store.read(lambda t: edges_to(t, ["dataset:late@1"]))}
    assert pinned == {"dataset:cleaned@1": None, "dataset:flights@1": True}
    model = store.read(lambda t: find_model(t, "delay"))
    assert [(step.dataset, step.sources) for step in model.transforms] == [
        ("cleaned@1", ["flights@1"]),
        ("late@1", ["cleaned@1", "flights@1"]),
    ]
    store.close()
