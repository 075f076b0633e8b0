"""What `check_data` has looked at: from a dataset's name to the request for a worker."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mlsteward.data.engine import quote
from mlsteward.data.profile import TableProfile, type_family
from mlsteward.dictionary.entry import Entry
from mlsteward.health.calendar import calendar_of
from mlsteward.health.daily import TimeColumn
from mlsteward.health.pillars import Pillar, PillarReport
from mlsteward.health.quality import facts_pillar
from mlsteward.health.version import Version
from mlsteward.runs.health_lineage import lineage_of
from mlsteward.runs.health_schema import schema_of
from mlsteward.runs.jobs.check import Request
from mlsteward.store.contracts import check_order, contract_of
from mlsteward.store.datasets import DatasetVersion, find_dataset, versions_of
from mlsteward.store.dictionary import entries_of
from mlsteward.store.masking import levels_of
from mlsteward.store.transaction import Transaction

# Older versions than this say nothing more of a rhythm.
_VERSIONS = 400
# Values of these levels never leave their column, so that no day is named by them either.
_NEVER_TOLD = ("confidential", "restricted")


def check_request(
    transaction: Transaction, workspace: Path, dataset: str, *, calendar: str = ""
) -> tuple[Request, DatasetVersion]:
    """The request for the worker, and the version it looks at.

    `calendar` names the holidays of datasets whose tags name none.
    """
    t = transaction.whole
    version = find_dataset(t, dataset)
    order = check_order(t, workspace, version.name, version=version.version)
    past = [one for one in versions_of(t, version.name) if one.version < version.version and not one.held]
    entries = entries_of(t, version.name)
    column = _event_time(t, version, entries)
    request = Request(
        dataset=version.label,
        versions=[_version(one, column) for one in [*reversed(past[:_VERSIONS]), version]],
        order=order,
        calendar=calendar_of(next((entry.tags for entry in entries if not entry.column), []), calendar),
        known=_known(t, version, past),
        following=_following(version, past, column),
        now=datetime.now(UTC).replace(tzinfo=None),
    )
    return request, version


def _known(t: Transaction, version: DatasetVersion, past: Sequence[DatasetVersion]) -> list[PillarReport]:
    """The pillars that need no rows."""
    contract = contract_of(t, version.name)
    found = [schema_of(t, version, past[0] if past else None, contract), lineage_of(t, version)]
    return found if contract else [*found, facts_pillar(version.profile, version.name)]


def _event_time(t: Transaction, version: DatasetVersion, entries: Sequence[Entry]) -> str:
    """The column that says when a row happened: the dictionary's, else the only time there is; "" for none."""
    levels = levels_of(t)
    told = [
        column
        for column in version.columns
        if levels.get((version.name, column.name), "") not in _NEVER_TOLD
        and type_family(column.type) in ("time", "text")
    ]
    roles = {entry.column: entry.role for entry in entries}
    events = [column.name for column in told if roles.get(column.name) == "event_time"]
    times = [column.name for column in told if type_family(column.type) == "time"]
    return events[0] if events else times[0] if len(times) == 1 else ""


def _version(version: DatasetVersion, column: str) -> Version:
    kind = next((one.type for one in version.columns if one.name == column), "")
    time = TimeColumn(name=column, text=type_family(kind) == "text") if kind else None
    if time and type_family(kind) not in ("time", "text"):
        time = None
    first, newest = _ends(version.profile, column) if time and not time.text else (None, None)
    registered = version.created.astimezone(UTC).replace(tzinfo=None)
    return Version(
        label=version.label,
        snapshot=version.snapshot,
        rows=version.rows,
        registered=registered,
        time=time if version.collected is None else None,
        first=first,
        newest=newest if newest and newest <= registered else None,
    )


def _ends(profile: TableProfile, column: str) -> tuple[datetime | None, datetime | None]:
    ends = profile.column(column)
    return _moment(ends.minimum), _moment(ends.maximum)


def _moment(text: object) -> datetime | None:
    """A time as profiles have it; None for one that Python has no date for."""
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=None)
    except ValueError:
        return None


def _following(version: DatasetVersion, past: Sequence[DatasetVersion], column: str) -> dict[Pillar, str]:
    """The call that follows where a pillar is not as it should be."""
    name = version.name
    found: dict[Pillar, str] = {"quality": f'read_page(uri="mlsteward://health/{name}")'}
    found["lineage"] = f'trace_lineage(asset="dataset:{version.label}", direction="upstream")'
    found["freshness"] = found["lineage"]
    if version.sql:
        found["freshness"] = f'transform_dataset(name="{name}")'
    elif version.source:
        found["freshness"] = f'register_dataset(name="{name}", source="{version.source}")'
    if past:
        found["schema"] = f'compare_datasets(reference="{past[0].label}", current="{version.label}")'
        found["volume"] = found["schema"]
    if column:
        day = f"CAST({quote(column)} AS DATE)"
        sql = f"SELECT {day} AS day, count(*) AS n FROM {name} GROUP BY day ORDER BY day DESC LIMIT 40"
        found["volume"] = f"query_data(sql='{sql}')"
    return found
