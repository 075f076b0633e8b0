"""What a comparison of two dataset versions compares: read from the store before its run starts."""

from collections.abc import Sequence

from mlsteward.data.schema_diff import Pair, SchemaDiff, TableSide, diff_schemas
from mlsteward.errors import InvalidArgument, NotFound, UnusableData
from mlsteward.names import close_names
from mlsteward.record import Record
from mlsteward.store.contracts import contract_of
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.dictionary import column_entries
from mlsteward.store.masking import Masks, masks_of
from mlsteward.store.transaction import Transaction


class Sought(Record):
    """Both versions, what became of their columns, and the keys to try, best first.

    `asked` says that the key was named by the caller, so that no other will do. Columns above the caller's clearance,
    `masked`, take no part: equal counts would tell of values. Values of `hidden` columns are compared and never told.
    """

    reference: TableSide
    current: TableSide
    columns: SchemaDiff
    keys: list[list[str]] = []
    asked: bool = False
    masked: list[str] = []
    hidden: list[str] = []
    identical: bool = False


def diff_request(transaction: Transaction, reference: str, current: str, key: str) -> Sought:
    """What to compare. Raises the errors of the tool for what cannot be."""
    before, after = find_dataset(transaction, reference), find_dataset(transaction, current)
    masks = masks_of(transaction)
    sides = _side(before, masks), _side(after, masks)
    columns = diff_schemas(*sides)
    if not columns.pairs:
        raise UnusableData(
            f"{before.label} and {after.label} have no column in common, so their rows cannot be compared.",
            next=f'profile_dataset(dataset="{after.label}")',
        )
    named = _named(columns.pairs, key, after.label) if key.strip() else []
    masked = masks.within([before.name, after.name])
    told = masks_of(transaction, "internal")
    hidden = [
        pair.name
        for pair in columns.pairs
        if told.level(before.name, pair.reference) or told.level(after.name, pair.name)
    ]
    same = sides[0].scheme == sides[1].scheme and _identity(before) == _identity(after)
    return Sought(
        reference=sides[0],
        current=sides[1],
        columns=columns,
        keys=[named] if named else _likely(transaction, before, after, columns.pairs),
        asked=bool(named),
        masked=masked,
        hidden=hidden,
        identical=same and not masked,
    )


def _identity(version: DatasetVersion) -> tuple[str, str, int]:
    return version.schema_hash, version.fingerprint, version.rows


def _side(version: DatasetVersion, masks: Masks) -> TableSide:
    away = masks.among(version.name, [column.name for column in version.columns])
    profiles = [column for column in version.profile.columns if column.name not in away]
    return TableSide(
        label=version.label,
        path=version.snapshot,
        rows=version.rows,
        columns=[column for column in version.columns if column.name not in away],
        fingerprints={name: value for name, value in version.column_fingerprints.items() if name not in away},
        scheme=f"{version.algorithm}/{version.engine}",
        constant=[column.name for column in profiles if column.distinct <= 1],
        nulls={column.name: column.nulls for column in profiles if column.nulls},
        means={
            column.name: column.mean for column in profiles if column.mean is not None and column.family == "number"
        },
    )


def _named(pairs: Sequence[Pair], key: str, label: str) -> list[str]:
    known = {pair.name.casefold(): pair.name for pair in pairs}
    wanted = [key] if key.strip().casefold() in known else [part for part in key.split(",") if part.strip()]
    unknown = [part.strip() for part in wanted if part.strip().casefold() not in known]
    if unknown:
        raise NotFound(
            f"{', '.join(map(repr, unknown))} is no column of both tables.",
            close=[name for part in unknown for name in close_names(part, known.values(), limit=1)],
            next=f'profile_dataset(dataset="{label}")',
        )
    found = list(dict.fromkeys(known[part.strip().casefold()] for part in wanted))
    if not found:
        raise InvalidArgument('key names columns, as in `key="carrier, flight"`.')
    return found


def _likely(t: Transaction, before: DatasetVersion, after: DatasetVersion, pairs: Sequence[Pair]) -> list[list[str]]:
    """Keys that the contract or the dictionary names, as far as the profiles let them be unique in both."""
    names = {pair.reference: pair.name for pair in pairs}
    contracts = [contract for name in (after.name, before.name) if (contract := contract_of(t, name))]
    stated = [key for contract in contracts for key in contract.keys]
    roles = [
        entry.column for name in (after.name, before.name) for entry in column_entries(t, name) if entry.role == "key"
    ]
    roles = list(dict.fromkeys(roles))
    candidates = [*stated, *([column] for column in roles), roles]
    spelled = [[names.get(column, column) for column in key] for key in candidates]
    known = set(names.values())
    fitting = [key for key in spelled if key and known >= set(key) and _may_be_unique(before, after, pairs, key)]
    return list(map(list, dict.fromkeys(map(tuple, fitting))))[:3]


def _may_be_unique(before: DatasetVersion, after: DatasetVersion, pairs: Sequence[Pair], key: Sequence[str]) -> bool:
    origin = {pair.name: pair.reference for pair in pairs}
    return _could_tell(before, [origin[name] for name in key]) and _could_tell(after, key)


def _could_tell(version: DatasetVersion, key: Sequence[str]) -> bool:
    """Whether the columns have enough values for all rows; counts that are not exact are about 2 % off."""
    combinations = 1.0
    for name in key:
        column = version.profile.column(name)
        combinations *= (column.distinct + bool(column.nulls)) * (1 if column.distinct_exact else 1.1)
    return combinations >= version.rows
