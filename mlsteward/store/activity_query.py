"""Finding changes in the audit log: of an asset and its parts, by somebody, since a time."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mlsteward.errors import InvalidArgument
from mlsteward.names import KINDS, parse_reference
from mlsteward.store.activity import COLUMNS, Activity
from mlsteward.store.transaction import Transaction

_UNITS = {"minute": "minutes", "hour": "hours", "day": "days", "week": "weeks"}
_AGO = re.compile(rf"(?:last\s+)?(\d{{1,6}})\s*({'|'.join(_UNITS)})s?(?:\s+ago)?", re.IGNORECASE)


@dataclass(frozen=True)
class ActivityQuery:
    """What is asked for; "" and None mean any. `before` is the number of a row: only older ones are wanted."""

    asset: str = ""
    actor: str = ""
    since: datetime | None = None
    before: int | None = None


@dataclass(frozen=True)
class FoundActivity:
    """A page of changes, newest first, how many there are in all (whatever `before` is), and whether older ones are."""

    total: int
    changes: list[Activity]
    more: bool


def find_activity(t: Transaction, query: ActivityQuery, limit: int) -> FoundActivity:
    """The newest changes that match."""
    where, parameters = _where(query)
    counted = t.row(f"SELECT count(*) FROM activity WHERE {where}", parameters)
    if query.before is not None:
        where, parameters = f"{where} AND number < ?", [*parameters, query.before]
    rows = t.rows(
        f"SELECT {', '.join(COLUMNS)} FROM activity WHERE {where} ORDER BY number DESC LIMIT ?",
        [*parameters, limit + 1],
    )
    changes = [Activity.model_validate(dict(zip(COLUMNS, row, strict=True))) for row in rows]
    return FoundActivity(counted[0] if counted else 0, changes[:limit], len(changes) > limit)


def actor_names(t: Transaction) -> list[str]:
    """Everybody who changed something."""
    return [name for (name,) in t.rows("SELECT DISTINCT actor FROM activity ORDER BY actor")]


def read_since(text: str, now: datetime) -> datetime | None:
    """The time that `7 days`, `24 hours`, `2026-03-01` or `2026-03-01T12:00` means, in UTC; None for ""."""
    text = text.strip()
    if not text:
        return None
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2].lower()]: int(ago[1])})
        when = datetime.fromisoformat(text)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument(
            f"since={text!r} is no time: write a date as 2026-03-01, a time as 2026-03-01T12:00, or `7 days`.",
            next='list_activity(since="7 days")',
        ) from None


def _where(query: ActivityQuery) -> tuple[str, list[object]]:
    conditions: list[str] = ["true"]
    parameters: list[object] = []
    if query.asset:
        about, names = _about(query.asset)
        conditions.append(about)
        parameters += names
    if query.actor:
        conditions.append("lower(actor) = lower(?)")
        parameters.append(query.actor)
    if query.since:
        conditions.append("created >= ?")
        parameters.append(query.since)
    return " AND ".join(conditions), parameters


def _about(asset: str) -> tuple[str, list[object]]:
    """A dataset stands for its versions, its columns and their alerts too; a column and a model for all versions."""
    kind = asset.partition(":")[0] if ":" in asset else "dataset"
    if kind not in KINDS:
        return "asset = ?", [asset]
    reference = parse_reference(asset)
    name, version = reference.name, f"@{reference.version}" if reference.version else ""
    if kind == "column":
        pattern = f"column:{re.escape(name)}{re.escape(version) or '(@[^.]+)?'}[.]{re.escape(reference.column)}"
        alerts = [f"column:{name}.{reference.column}"]
    elif kind == "dataset":
        pattern = f"(dataset|column):{re.escape(name)}{re.escape(version) or '(@[^.]+)?'}([.].*)?"
        alerts = [f"dataset:{name}", f"column:{name}."]
    else:
        pattern = f"{kind}:{re.escape(name)}{re.escape(version) or '(@.*)?'}"
        alerts = [f"{kind}:{name}"]
    found = f"(asset = ? OR regexp_full_match(asset, ?, 'i') OR asset IN ({_ALERTS.format(_any(alerts))}))"
    return found, [asset, pattern, *alerts]


_ALERTS = "SELECT 'alert:' || number FROM alerts WHERE {}"


def _any(prefixes: list[str]) -> str:
    return " OR ".join("starts_with(asset, ?)" if prefix.endswith(".") else "asset = ?" for prefix in prefixes)
