"""The work behind `register_dataset`."""

import re
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from mlsteward.answer import clipped, counted
from mlsteward.data.engine import connect
from mlsteward.data.snapshot import Draft, draft_reference, draft_snapshot
from mlsteward.data.sources import Located, SourceOrder, locate, read_located
from mlsteward.data.staging import hash_files
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.free_text import installed
from mlsteward.errors import StewardError, UnusableData
from mlsteward.lineage.made import read_edges
from mlsteward.record import Record
from mlsteward.runs.job import Job
from mlsteward.runs.judged_version import Judgement
from mlsteward.runs.new_version import NewVersion, VersionPlan, make_version, record_version
from mlsteward.runs.version_levels import sensitive_columns
from mlsteward.store.lineage import add_edges
from mlsteward.store.masking import Masks
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    import duckdb

_MEGABYTE = 1024 * 1024
# What words of a column quote of its values.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_ROLES = ("key", "event_time", "target", "text", "ignore")
_WARNINGS = 100
_WORDS = 240
# What is shown of a long list.
SHOWN = 8
# Columns that a person has to be asked about.
_SENSITIVE = 16


class Request(Record):
    """What to read, and what the version is to be."""

    source: SourceOrder
    plan: VersionPlan


class FoundRelationship(Record):
    relationship: str
    coverage: float = Field(description="Share of rows whose value is found there.")


class Result(Record):
    """What was read; `suggested` has columns by the role that their names and values suggest.

    `sensitive` has the columns whose values call for care, with why: they are masked until a person says otherwise.
    `unread` are columns of free text that nothing here could read.
    """

    verdict: str
    next: str
    new_version: bool
    dataset: str = ""
    rows: int
    columns: int
    suggested: dict[str, list[str]] = {}
    sensitive: dict[str, str] = {}
    unread: list[str] = []
    relationships: list[FoundRelationship] = []
    warnings: list[str] = []
    judged: Judgement = Judgement()

    def first_warnings(self, dataset: str) -> list[str]:
        shown = [clipped(text, _WORDS) for text in self.warnings[:SHOWN]]
        more = len(self.warnings) - len(shown)
        return [*shown, f'and {more} more: profile_dataset(dataset="{dataset}")'] if more else shown

    def first_sensitive(self) -> dict[str, str]:
        return dict(list(self.sensitive.items())[:_SENSITIVE])

    def seen(self, masks: Masks) -> "Result":
        """The result without what it tells of columns that the reader may not see, though it quotes none of them."""
        masked = [f"`{column}`" for column in masks.of(self.dataset)]
        warnings = [one for one in self.warnings if not any(name in one.casefold() for name in masked)]
        relationships = [one for one in self.relationships if not masks.told_in(one.relationship)]
        return self.model_copy(update={"warnings": warnings, "relationships": relationships})

    def findings(self, run: Run) -> list[str]:
        sensitive = "; ".join(f"{column}: {why}" for column, why in self.first_sensitive().items())
        more = len(self.sensitive) - _SENSITIVE
        sensitive += f"; and {more} more" if more > 0 else ""
        return [
            *self.judged.lines(),
            f"sensitive, masked until a person says otherwise (ask): {sensitive}" if sensitive else "",
            f"not searched for personal data: {', '.join(self.unread[:SHOWN])} (mlsteward[presidio] reads free text)"
            if self.unread
            else "",
            *(f"warning: {warning}" for warning in self.first_warnings(run.name)),
            *(f"suggested as {role}: {', '.join(columns[:SHOWN])}" for role, columns in self.suggested.items()),
            *(f"{found.relationship} ({found.coverage:.1%} of rows)" for found in self.relationships[:SHOWN]),
        ]


def work(request: Request, job: Job) -> Result:
    """Read the source, write and measure the snapshot, profile it, look for relationships."""
    import duckdb

    scratch = job.folder / "temp"
    scratch.mkdir(exist_ok=True)
    try:
        with closing(connect(memory_mb=max(job.memory_mb // 2, 256), temp=scratch / "spill")) as connection:
            new = _register(connection, request, job, scratch)
    except StewardError:
        raise
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        words = str(error).splitlines()[0].replace(str(scratch), "")
        raise UnusableData(f"{request.source.shown} cannot be read: {words[:300]}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if request.source.fetched:
            Path(request.source.fetched).unlink(missing_ok=True)
    return _result(request, new)


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """The version, its dictionary entries and relationships, and what it was read from."""
    version = record_version(transaction, run, folder)
    if version.run == run.number:
        add_edges(transaction, read_edges(version.label, version.source, run.number))


def _register(connection: "duckdb.DuckDBPyConnection", request: Request, job: Job, scratch: Path) -> NewVersion:
    job.progress(0.0, f"opening {request.source.shown}")
    located = locate(request.source, scratch, lambda done: job.progress(0.1 * done, "fetching"))
    source_hash = hash_files(list(located.files))
    job.progress(0.1, "reading types from all rows")
    limit_mb = request.source.limit_mb
    reading, kind = read_located(connection, located, scratch, limit_mb)
    job.progress(0.2, "writing the snapshot")
    size = sum(file.size for file in located.watched)
    draft: Draft
    if kind == "parquet" and located.stays and size > limit_mb * _MEGABYTE:
        if len(located.files) > 1:
            raise UnusableData(
                f"The files have {size // _MEGABYTE:,} MB together, over the limit of {limit_mb:,} MB for snapshots. "
                "One Parquet file of that size can be referred to where it stands; several cannot."
            )
        draft = draft_reference(connection, next(iter(located.files)), source_hash)
    else:
        draft = draft_snapshot(
            connection, reading.sql, scratch, source_hash=source_hash, limit_mb=limit_mb, finite=reading.finite
        )
    located.check_unchanged()
    draft = replace(draft, warnings=[*reading.warnings, *draft.warnings])
    return make_version(connection, draft, _with_declared(request.plan, located), job)


def _with_declared(plan: VersionPlan, located: Located) -> VersionPlan:
    """The plan with what the source's database says of the table; a description of the call stands over it."""
    if not located.table:
        return plan
    declared = located.table.declared
    return plan.model_copy(update={"declared": declared, "description": plan.description or declared.description})


def _result(request: Request, new: NewVersion) -> Result:
    name, rows = request.plan.name, new.snapshot.rows
    columns = new.profile.columns if new.profile else []
    if new.profile is None:
        verdict = f"{request.source.shown} holds the {counted(rows, 'row')} that `{name}` has already: no new version."
    else:
        verdict = (
            f"`{name}` has {counted(rows, 'row')} and {counted(len(columns), 'column')} from {request.source.shown}."
        )
    sensitive = sensitive_columns(new.entries)
    of_columns = [
        f"`{column.name}` {_QUOTED.sub('…', warning) if column.name in sensitive else warning}"
        for column in columns
        for warning in column.warnings
    ]
    if sensitive:
        verdict += f" {counted(len(sensitive), 'column looks', 'columns look')} sensitive: ask the person."
    return Result(
        verdict=verdict + new.judged.sentence,
        next=new.judged.next(name) or _next(name, sensitive, new.entries),
        sensitive=sensitive,
        unread=_unread(new.entries, sensitive),
        new_version=new.profile is not None,
        dataset=name,
        rows=rows,
        columns=len(new.snapshot.columns),
        suggested=_suggested(new.entries),
        relationships=[
            FoundRelationship(relationship=found.words, coverage=round(found.coverage, 4))
            for found in new.relationships
        ],
        warnings=[*new.warnings, *of_columns][:_WARNINGS],
        judged=new.judged,
    )


def _next(name: str, sensitive: dict[str, str], entries: list[Entry]) -> str:
    """Asking about a sensitive column comes before all else."""
    levels = {entry.column: entry.sensitivity for entry in entries}
    for column in sensitive:
        return f'document_asset(asset="{name}.{column}", sensitivity="{levels[column]}")'
    return f'lookup_data_dictionary(dataset="{name}")'


def _unread(entries: list[Entry], sensitive: dict[str, str]) -> list[str]:
    if installed():
        return []
    return [entry.column for entry in entries if entry.role == "text" and entry.column not in sensitive]


def _suggested(entries: list[Entry]) -> dict[str, list[str]]:
    """Columns that stand out, by role."""
    named = {role: [entry.column for entry in entries if entry.role == role] for role in _ROLES}
    return {role: columns for role, columns in named.items() if columns}
