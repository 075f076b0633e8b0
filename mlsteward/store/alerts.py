"""Alerts: what a check found, once for each asset and check, from open over acknowledged to resolved."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from mlsteward.dictionary.sensitivity import DEFAULT, Level
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.lineage.edge import Edge
from mlsteward.names import Reference, parse_reference
from mlsteward.record import Record
from mlsteward.store.alert_context import affected_by, likely_causes
from mlsteward.store.alert_events import add_event
from mlsteward.store.lineage import add_edges, edges_to
from mlsteward.store.masking import masked_words, masks_of, without_reasons
from mlsteward.store.transaction import Transaction, to_json

# Of so many assets that fail at once each has its own lineage followed.
_WALKED = 20
# The check of an alert that says that a version is kept aside.
HELD = "version kept aside"
Severity = Literal["info", "warning", "error"]
State = Literal["open", "acknowledged", "resolved"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
STATES: tuple[State, ...] = get_args(State)


class Finding(Record):
    """Something that is wrong with an asset, as a check says it.

    `evidence` holds figures and short words; values of columns that not everybody may see stay out of it.
    """

    asset: str
    check: str
    severity: Severity
    words: str
    evidence: dict[str, str | float] = {}


class Alert(Record):
    """Findings of one check on one asset. `asset` has no version; `version` is where the check failed last."""

    number: int
    asset: str
    check: str
    severity: Severity
    state: State
    words: str
    evidence: dict[str, str | float] = {}
    downstream: list[str] = []
    cause: list[str] = []
    first_seen: datetime
    last_seen: datetime
    count: int
    version: str = ""
    run: int | None = None

    @property
    def label(self) -> str:
        return f"alert:{self.number}"

    @property
    def dataset(self) -> str:
        """The name of the dataset it is about, "" when it is about something else."""
        reference = parse_reference(self.asset)
        return reference.name if reference.kind in ("dataset", "column") else ""


_COLUMNS = (
    "number asset check_name severity state words evidence downstream cause first_seen last_seen count version run"
).split()
_JSON = frozenset({"evidence", "downstream", "cause"})


def raise_alerts(t: Transaction, findings: Sequence[Finding], *, run: int | None) -> list[Alert]:
    """Raise, count or reopen the alert of each finding; returns them as they stand now.

    `run` is the run that checked: who asked for it is who raised them.
    """
    around = _around(t, {finding.asset: parse_reference(finding.asset) for finding in findings})
    return [_raise(t, finding, run, *around[finding.asset]) for finding in findings]


def settle_alerts(t: Transaction, dataset: str, passed_checks: Iterable[str], run: int | None) -> list[Alert]:
    """Resolve the alerts of a dataset and its columns whose check has passed now; returns those that were not yet."""
    passed = set(passed_checks)
    where = f" in run:{run}" if run else ""
    return [
        change_state(t, alert, "resolved", event="settled", note=f"{alert.check} passed again{where}", run=run)
        for alert in open_alerts(t, parse_reference(dataset).name)
        if alert.check in passed
    ]


def open_alerts(t: Transaction, asset: str = "") -> list[Alert]:
    """What is open or acknowledged of an asset (a dataset with its columns), the gravest and newest first."""
    where, parameters = _about(asset)
    return _found(t, f"{where} AND state <> 'resolved'", parameters)


def find_alerts(t: Transaction, asset: str = "") -> list[Alert]:
    """All alerts of an asset, of every asset for "": the gravest first, then those seen last."""
    return _found(t, *_about(asset))


def _found(t: Transaction, where: str, parameters: Sequence[object]) -> list[Alert]:
    rows = t.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM alerts WHERE {where}"
        " ORDER BY list_position(['error', 'warning', 'info'], severity), last_seen DESC, number DESC",
        parameters,
    )
    return [hidden(t, _alert(row)) for row in rows]


def get_alert(t: Transaction, number: int) -> Alert:
    """The alert of that number; NotFound says how many there are."""
    row = t.row(f"SELECT {', '.join(_COLUMNS)} FROM alerts WHERE number = ?", [number])
    if row is not None:
        return hidden(t, _alert(row))
    last = t.row("SELECT max(number) FROM alerts")
    newest = f"the newest is alert:{last[0]}" if last and last[0] else "none was raised yet"
    raise NotFound(f"There is no alert:{number}; {newest}.", next='list_alerts(state="")')


def parse_alert(text: str) -> int:
    """The number in `7` or `alert:7`."""
    reference = parse_reference(text, default="alert")
    if reference.kind != "alert":
        raise InvalidArgument(f"{text} is no alert: it is a number, as in `alert:7`.", next="list_alerts()")
    return int(reference.name)


def alert_numbers(t: Transaction, prefix: str, limit: int = 50) -> list[str]:
    """The newest alert numbers that begin with `prefix`."""
    rows = t.rows(
        "SELECT number FROM alerts WHERE starts_with(number::VARCHAR, ?) ORDER BY 1 DESC LIMIT ?", [prefix, limit]
    )
    return [str(number) for (number,) in rows]


def hidden(t: Transaction, alert: Alert, clearance: Level | None = None) -> Alert:
    """The alert without what it says of the values of a column that is masked for readers of a clearance.

    The column is the asset's, or of an alert of a whole dataset the one that its evidence names as `column`.
    """
    reference = parse_reference(alert.asset)
    masks = masks_of(t, clearance)
    if alert.check == HELD and masks.of(reference.name):
        return alert.model_copy(update={"words": without_reasons(alert.words)})
    column = reference.column or str(alert.evidence.get("column", ""))
    level = masks.level(reference.name, column) if column and alert.dataset else ""
    return alert.model_copy(update={"words": masked_words(level), "evidence": {}}) if level else alert


def change_state(
    t: Transaction,
    alert: Alert,
    state: State,
    *,
    event: str,
    note: str = "",
    run: int | None = None,
    actor: str = "",
    client: str = "",
) -> Alert:
    """Move an alert to another state and keep who did it, and why."""
    t.execute("UPDATE alerts SET state = ? WHERE number = ?", [state, alert.number])
    changed = alert.model_copy(update={"state": state})
    _keep_event(t, changed, event=event, note=note, run=run, actor=actor, client=client)
    return changed


def _around(t: Transaction, assets: Mapping[str, Reference]) -> dict[str, tuple[list[str], list[str]]]:
    """What lies downstream of each asset, and what may have made its check fail.

    Walking the lineage takes several queries. Where many columns fail at once, what lies downstream of their dataset
    stands for each.
    """
    many = len(assets) > _WALKED
    near = {asset: _whole(reference).bare if many else reference.bare for asset, reference in assets.items()}
    affected = {bare: affected_by(t, bare) for bare in dict.fromkeys(near.values())}
    dataset = {asset: str(_whole(reference)) for asset, reference in assets.items()}
    causes = {label: likely_causes(t, label) for label in dict.fromkeys(dataset.values())}
    return {asset: (affected[near[asset]], causes[dataset[asset]]) for asset in assets}


def _whole(reference: Reference) -> Reference:
    """The dataset of a column; anything else is itself."""
    return replace(reference, kind="dataset", column="") if reference.kind == "column" else reference


def _raise(t: Transaction, finding: Finding, run: int | None, downstream: list[str], cause: list[str]) -> Alert:
    reference = parse_reference(finding.asset)
    asset = reference.bare
    known = t.row(
        f"SELECT {', '.join(_COLUMNS)} FROM alerts WHERE asset = ? AND check_name = ?", [asset, finding.check]
    )
    now = datetime.now(UTC)
    seen = {
        "severity": finding.severity,
        "words": finding.words,
        "evidence": finding.evidence,
        "last_seen": now,
        "version": reference.version,
        "run": run,
        "downstream": downstream,
        "cause": cause,
    }
    if known is None:
        last = t.row("SELECT max(number) FROM alerts")
        number = (last[0] or 0) + 1 if last else 1
        fields = {"number": number, "asset": asset, "check": finding.check, "state": "open", "first_seen": now}
        alert = Alert.model_validate({**fields, **seen, "count": 1})
        t.insert("alerts", [_row(alert)])
        _connect(t, finding, alert)
        _keep_event(t, alert, event="raised", run=run)
        return alert
    before = _alert(known)
    alert = before.model_copy(update={**seen, "count": before.count + 1})
    _update(t, alert)
    _connect(t, finding, alert)
    if before.state == "resolved":
        return change_state(t, alert, "open", event="reopened", run=run)
    if SEVERITIES.index(alert.severity) > SEVERITIES.index(before.severity):
        _keep_event(t, alert, event="escalated", run=run)
    return alert


def _connect(t: Transaction, finding: Finding, alert: Alert) -> None:
    """The version that failed leads to its alert; a check that fails again and again on one version does so once."""
    if all(edge.source != finding.asset for edge in edges_to(t, [alert.label])):
        add_edges(t, [Edge(source=finding.asset, target=alert.label, kind="alert", run=alert.run)])


def _keep_event(
    t: Transaction,
    alert: Alert,
    *,
    event: str,
    note: str = "",
    run: int | None = None,
    actor: str = "",
    client: str = "",
) -> None:
    """What leaves this machine says nothing of values that not everybody may see."""
    shown = hidden(t.whole, alert, DEFAULT)
    payload = shown.model_dump(mode="json")
    add_event(t, payload, event=event, note=note, run=run, actor=actor, client=client)


def _about(asset: str) -> tuple[str, list[object]]:
    if not asset:
        return "true", []
    reference = parse_reference(asset)
    if reference.kind == "dataset":
        return "(asset = ? OR starts_with(asset, ?))", [f"dataset:{reference.name}", f"column:{reference.name}."]
    return "asset = ?", [reference.bare]


def _update(t: Transaction, alert: Alert) -> None:
    row = _row(alert)
    names = [name for name in row if name != "number"]
    values = [to_json(row[name]) if name in _JSON else row[name] for name in names]
    t.execute(
        f"UPDATE alerts SET {', '.join(f'{name} = ?' for name in names)} WHERE number = ?", [*values, alert.number]
    )


def _row(alert: Alert) -> dict[str, object]:
    fields = alert.model_dump()
    return {name: fields["check" if name == "check_name" else name] for name in _COLUMNS}


def _alert(row: tuple[Any, ...]) -> Alert:
    fields: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    fields["check"] = fields.pop("check_name")
    for name in _JSON:
        fields[name] = json.loads(fields[name])
    return Alert.model_validate(fields)
