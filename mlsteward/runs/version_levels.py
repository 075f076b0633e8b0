"""How sensitive the columns of a new version are: what is known of them, what they were made of, what they look like.

A level can only be suggested here, and a suggestion masks until a person says otherwise. It never falls below what is
in force for the same column, for the column it was made of, for a column with the same values, or for one that was
there before and may only have been renamed.
"""

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Snapshot
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.sensitivity import DEFAULT, FULL, Level, exceeds, higher
from mlsteward.dictionary.suspicion import Suspicion
from mlsteward.record import Record
from mlsteward.store.masking import levels_of, masks_of
from mlsteward.store.runs import Run, update_run
from mlsteward.store.transaction import Transaction

_COLUMNS = """
    SELECT column_name, type FROM dictionary AS d
    WHERE dataset = ? AND kind = 'column' AND NOT gone
        AND version = (SELECT max(version) FROM dictionary AS other WHERE other.asset = d.asset)
"""


class KnownColumn(Record):
    """A column of the newest version, its type and the level in force."""

    name: str
    type: str
    level: str


class KnownLevels(Record):
    """What the store knows that bears on a new version's columns.

    `names` has levels by column: of datasets from the same source, or of what columns are made of; `spoken` those of
    them that a person gave. `fingerprints` has levels by the fingerprint of a sensitive column's values. `before` are
    the columns of the newest version, and `clearance` that of whoever makes the new one.
    """

    names: dict[str, str] = {}
    spoken: list[str] = []
    fingerprints: dict[str, str] = {}
    before: list[KnownColumn] = []
    clearance: Level = FULL


def known_levels(
    t: Transaction, name: str, source: str, names: Mapping[str, str] | None = None, carried: Mapping[str, Entry] = {}
) -> KnownLevels:
    """What to hold a new version of `name` from `source` to.

    `names` has levels of its columns that are known, `carried` the columns that they are likely copies of.
    """
    levels = levels_of(t)
    sensitive = {key: level for key, level in levels.items() if exceeds(level, DEFAULT)}
    found = dict(names or {})
    for other in _from_source(t, source):
        for (dataset, column), level in sensitive.items():
            if dataset == other:
                found[column] = higher(level, found.get(column, ""))
    return KnownLevels(
        names=found,
        spoken=[column for column, entry in carried.items() if "sensitivity" in entry.writers],
        fingerprints=_fingerprints(t, sensitive),
        before=[
            KnownColumn(name=column, type=kind, level=levels.get((name, column), DEFAULT))
            for column, kind in t.rows(_COLUMNS, [name])
        ],
        clearance=t.clearance,
    )


def _from_source(t: Transaction, source: str) -> list[str]:
    """The datasets that were registered from a file or table of the same name, however its place is written."""
    if not source:
        return []
    mine = _file_name(source)
    rows = t.rows("SELECT DISTINCT name, source FROM dataset_versions WHERE source <> ''")
    return [name for name, other in rows if fnmatch(mine, _file_name(other)) or fnmatch(_file_name(other), mine)]


def _file_name(source: str) -> str:
    """`pay.csv` of `data/Pay.csv`, `./pay.csv` and `https://example.org/pay.csv?x=1`."""
    return source.partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2].casefold() or source.casefold()


def _fingerprints(t: Transaction, sensitive: Mapping[tuple[str, str], str]) -> dict[str, str]:
    datasets = sorted({dataset for dataset, _ in sensitive})
    if not datasets:
        return {}
    wanted = ", ".join("?" for _ in datasets)
    rows = t.rows(f"SELECT name, column_fingerprints FROM dataset_versions WHERE name IN ({wanted})", datasets)
    found: dict[str, str] = {}
    for dataset, fingerprints in rows:
        for column, fingerprint in json.loads(fingerprints).items():
            if level := sensitive.get((dataset, column), ""):
                found[fingerprint] = higher(level, found.get(fingerprint, ""))
    return found


def with_levels(
    entries: Sequence[Entry], snapshot: Snapshot, known: KnownLevels, suspected: Mapping[str, Suspicion]
) -> list[Entry]:
    """The harvest of a version with a suggested level, and why, for each column that calls for one."""
    names = {entry.column for entry in entries}
    lost = [column for column in known.before if column.name not in names and exceeds(column.level, DEFAULT)]
    there = {column.name for column in known.before}
    return [
        _with_level(entry, snapshot, known, suspected.get(entry.column), [] if entry.column in there else lost)
        if entry.column
        else entry
        for entry in entries
    ]


def _with_level(
    entry: Entry, snapshot: Snapshot, known: KnownLevels, suspicion: Suspicion | None, lost: Sequence[KnownColumn]
) -> Entry:
    reasons = [(entry.sensitivity, ""), (known.names.get(entry.column, ""), "made of such data")]
    reasons.append((known.fingerprints.get(snapshot.column_fingerprints.get(entry.column, ""), ""), "the same values"))
    reasons += [
        (column.level, f"may be `{column.name}` under a new name")
        for column in lost
        if type_family(column.type) == type_family(entry.type)
    ]
    # A person who looked at the very column that this one copies knows better than a pattern.
    if suspicion and entry.column not in known.spoken:
        reasons.insert(0, (suspicion.level, suspicion.words))
    level = ""
    for one, _ in reasons:
        level = higher(level, one)
    evidence = next((words for one, words in reasons if words and one == level and exceeds(one, DEFAULT)), "")
    facts = entry.facts.model_copy(update={"evidence": evidence})
    return entry.model_copy(update={"sensitivity": level, "facts": facts})


def sensitive_columns(entries: Sequence[Entry]) -> dict[str, str]:
    """The columns whose values call for care, with why."""
    return {
        entry.column: f"{entry.facts.evidence or 'said to be'}: {entry.sensitivity}"
        for entry in entries
        if entry.column and exceeds(entry.sensitivity, DEFAULT)
    }


def record_levels(t: Transaction, run: Run, name: str, clearance: Level) -> None:
    """Say of a run that makes a version that it shows nothing of the columns masked for whoever started it."""
    hidden = masks_of(t, clearance).within([name])
    if hidden:
        update_run(t, run.number, masked=list(dict.fromkeys([*run.masked, *hidden])))
