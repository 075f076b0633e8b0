"""A table that becomes the next version of a dataset: planned and recorded by the server, made by a worker."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.contracts.check import CheckResult
from mlsteward.contracts.order import CheckOrder
from mlsteward.data.engine import literal
from mlsteward.data.postgres_address import POSTGRES, table_of
from mlsteward.data.profile import TableProfile, profile_table
from mlsteward.data.snapshot import Draft, Snapshot, place_snapshot
from mlsteward.dictionary.declared import Declared, with_declared
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.harvest import harvest_columns
from mlsteward.dictionary.relationships import (
    DatasetTable,
    DeclaredKey,
    Relationship,
    find_relationships,
    with_declared_keys,
)
from mlsteward.dictionary.suspicion import suspect
from mlsteward.record import Record
from mlsteward.runs.carried import with_carried
from mlsteward.runs.job import Job
from mlsteward.runs.judged_version import (
    Judgement,
    held_twin,
    judge_version,
    record_judgement,
    same_rows,
    settle_held,
    why_held,
)
from mlsteward.runs.version_levels import KnownLevels, known_levels, record_levels, with_levels
from mlsteward.store.activity import add_activity
from mlsteward.store.contracts import check_order
from mlsteward.store.datasets import DatasetVersion, add_version, newest_version, newest_versions, release_version
from mlsteward.store.dictionary import entries_of, write_entries, write_levels
from mlsteward.store.relationships import unseen_relationships, write_relationships
from mlsteward.store.runs import Run, update_run
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    import duckdb

FILE = "version.json"
_IDENTITY = "concat_ws('/', algorithm, engine, schema_hash, fingerprint)"


class OtherTable(Record):
    """Another dataset, to find relationships with; `source` is what was registered."""

    name: str
    path: str
    source: str = ""
    profile: TableProfile


class VersionPlan(Record):
    """What a worker needs of the store, and what the version will say of itself.

    `known` has the paths of snapshots by identity, `newest` the identity of the dataset's newest version; `carried`
    has entries of columns of other datasets that are likely the same, `declared` what the source itself says, `order`
    the dataset's contract, `levels` how sensitive its columns may be.
    """

    name: str
    description: str = ""
    source: str = ""
    sources: list[str] = []
    sql: str = ""
    family: str = ""
    descriptions: dict[str, str] = {}
    carried: dict[str, Entry] = {}
    declared: Declared | None = None
    levels: KnownLevels = KnownLevels()
    known: dict[str, str] = {}
    newest: str = ""
    others: list[OtherTable] = []
    order: CheckOrder | None = None
    snapshot_limit_mb: int = 10240


class NewVersion(Record):
    """What was made, left in the run's folder for the server. `profile` is None where nothing is new.

    `checks` is what the dataset's contract says of it, and `held` why it is to be kept aside, if it is.
    """

    plan: VersionPlan
    snapshot: Snapshot
    profile: TableProfile | None = None
    entries: list[Entry] = []
    relationships: list[Relationship] = []
    warnings: list[str] = []
    checks: list[CheckResult] = []
    held: str = ""

    @property
    def judged(self) -> Judgement:
        failed = [check for check in self.checks if not check.passed]
        return Judgement(checks=len(self.checks), failed=failed, held=self.held)


def plan_version(
    transaction: Transaction,
    workspace: Path,
    name: str,
    *,
    description: str = "",
    source: str = "",
    sources: Sequence[str] = (),
    sql: str = "",
    family: str = "",
    descriptions: Mapping[str, str] | None = None,
    carried: Mapping[str, Entry] | None = None,
    levels: Mapping[str, str] | None = None,
    snapshot_limit_mb: int = 10240,
) -> VersionPlan:
    """The plan for a version of `name`, with all that its worker must know of the store.

    Relationships are looked for only with columns that whoever makes the version may see. `levels` has how sensitive
    columns are at least.
    """
    identities = transaction.rows(f"SELECT {_IDENTITY}, snapshot, reference, name, version FROM dataset_versions")
    newest = newest_version(transaction, name)
    return VersionPlan(
        name=name,
        description=description,
        source=source,
        sources=list(sources),
        sql=sql,
        family=family or name,
        descriptions=dict(descriptions or {}),
        carried=dict(carried or {}),
        known={identity: path for identity, path, reference, *_ in identities if not reference},
        newest=next((row[0] for row in identities if newest and row[3:] == (newest.name, newest.version)), ""),
        others=[
            OtherTable(name=other.name, path=str(workspace / other.snapshot), source=other.source, profile=_open(other))
            for other in newest_versions(transaction)
            if other.name != name
        ],
        order=check_order(transaction, workspace, name),
        levels=known_levels(transaction, name, source, levels, carried or {}),
        snapshot_limit_mb=snapshot_limit_mb,
    )


def _open(version: DatasetVersion) -> TableProfile:
    """The profile of the columns that are not masked for the reader."""
    columns = [column for column in version.profile.columns if not column.masked]
    return version.profile.model_copy(update={"columns": columns})


def make_version(connection: "duckdb.DuckDBPyConnection", draft: Draft, plan: VersionPlan, job: Job) -> NewVersion:
    """Profile a draft, look for its relationships and put it in its place; progress goes from 0.4 to 1."""
    emptied = {"known": {}, "carried": {}, "others": [], "order": None}
    kept = plan.model_copy(update={**emptied, "levels": KnownLevels(clearance=plan.levels.clearance)})
    if draft.snapshot.identity == plan.newest:
        new = NewVersion(plan=kept, snapshot=place_snapshot(draft, job.workspace, plan.known))
    else:
        profile = profile_table(connection, draft.source, lambda done: job.progress(0.4 + 0.4 * done, "profiling"))
        job.progress(0.8, "looking for relationships")
        this, others = DatasetTable(plan.name, draft.source, profile), [*_other_tables(plan)]
        relationships = with_declared_keys(
            connection, this, others, _declared_keys(plan), find_relationships(connection, this, others)
        )
        declared = plan.declared or Declared()
        descriptions = {**plan.descriptions, **declared.descriptions}
        entries = with_declared(harvest_columns(plan.name, profile, descriptions, plan.description), declared)
        entries = [with_carried(entry, plan.carried.get(entry.column)) for entry in entries]
        entries = with_levels(entries, draft.snapshot, plan.levels, suspect(connection, draft.source, profile))
        checks = judge_version(connection, draft, plan.order, entries, job)
        new = NewVersion(
            plan=kept,
            snapshot=place_snapshot(draft, job.workspace, plan.known),
            profile=profile,
            entries=entries,
            relationships=relationships,
            warnings=draft.warnings,
            checks=checks,
            held=why_held(plan.order, checks),
        )
    (job.folder / FILE).write_text(new.model_dump_json(), encoding="utf-8")
    return new


def record_version(transaction: Transaction, run: Run, folder: Path) -> DatasetVersion:
    """Add the version that a run left in its `folder`, with its dictionary entries; the run says which it is.

    Where the newest version holds the same rows it is that one, and nothing is added. Rows that are kept aside already
    are judged anew: they become the newest version where the contract lets them through by now.
    """
    new = NewVersion.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    plan, snapshot = new.plan, new.snapshot
    newest = newest_version(transaction, plan.name)
    twin = held_twin(transaction, plan.name, snapshot)
    if newest and (new.profile is None or same_rows(newest, snapshot)):
        version = newest
        _refresh_words(transaction, run, plan)
        if plan.description and plan.description != newest.description:
            transaction.execute("UPDATE datasets SET description = ? WHERE name = ?", [plan.description, plan.name])
    elif twin:
        version = twin
        if not new.held:
            release_version(transaction, twin)
            _describe(transaction, new, run.actor)
    else:
        version = _add(transaction, run, new)
    if new.checks:
        record_judgement(transaction, version, new.checks, new.held, run.number)
    else:
        settle_held(transaction, plan.name, run.number)
    update_run(transaction, run.number, dataset=version.label, fingerprint=version.fingerprint)
    record_levels(transaction, run, plan.name, plan.levels.clearance)
    return version


def release(transaction: Transaction, version: DatasetVersion, runs: Path, actor: str) -> None:
    """End the holding of a version; the dictionary follows it where it is the newest then. `runs` is their folder."""
    release_version(transaction, version)
    newest = newest_version(transaction, version.name)
    file = runs / str(version.run) / FILE
    if newest and newest.version == version.version and file.is_file():
        _describe(transaction, NewVersion.model_validate_json(file.read_text(encoding="utf-8")), actor)


def _describe(transaction: Transaction, new: NewVersion, actor: str) -> None:
    """What the newest version says of itself, in the dictionary."""
    write_entries(transaction, new.entries, actor)
    unseen = unseen_relationships(transaction, new.plan.name, new.plan.levels.clearance)
    write_relationships(transaction, new.plan.name, [*new.relationships, *unseen])


def _add(transaction: Transaction, run: Run, new: NewVersion) -> DatasetVersion:
    assert new.profile
    placed = add_version(
        transaction,
        DatasetVersion(
            **new.snapshot.model_dump(exclude={"path"}),
            **new.plan.model_dump(include={"name", "description", "source", "sources", "sql", "family"}),
            snapshot=new.snapshot.path,
            version=0,
            warnings=new.warnings,
            run=run.number,
            actor=run.actor,
            created=run.finished or datetime.now(UTC),
            held=new.held,
            profile=new.profile,
        ),
    )
    if not new.held:
        _describe(transaction, new, run.actor)
    else:
        write_levels(transaction, new.entries, run.actor)
    add_activity(
        transaction,
        actor=run.actor,
        client=run.client,
        action=run.kind,
        asset=f"dataset:{placed.label}",
        why=run.reason or (f"from {placed.source}" if placed.source else ""),
        run=run.number,
    )
    return placed


def _refresh_words(transaction: Transaction, run: Run, plan: VersionPlan) -> None:
    """Take in what the source declares now; its rows may be the same and its comments new."""
    if plan.declared is None:
        return
    current = [entry for entry in entries_of(transaction, plan.name) if not entry.gone]
    bare = [
        one.model_copy(update={"writers": {}, "description": "" if one.column else plan.description}) for one in current
    ]
    write_entries(transaction, with_declared(bare, plan.declared), run.actor)


def _declared_keys(plan: VersionPlan) -> Iterator[DeclaredKey]:
    """The foreign keys between the table and those that other datasets were registered from."""
    declared = plan.declared or Declared()
    tables = {table_of(other.source): other.name for other in plan.others if other.source.startswith(POSTGRES)}
    tables[declared.table] = plan.name
    for key in declared.foreign_keys:
        dataset, to_dataset = tables.get(key.table, ""), tables.get(key.to_table, "")
        if dataset and to_dataset and dataset != to_dataset:
            yield DeclaredKey(dataset, tuple(key.columns), to_dataset, tuple(key.to_columns))


def _other_tables(plan: VersionPlan) -> Iterator[DatasetTable]:
    for other in plan.others:
        if Path(other.path).is_file():
            yield DatasetTable(other.name, f"read_parquet({literal(other.path)})", other.profile)
