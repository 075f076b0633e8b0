"""Trying proposals on versions that they were not derived from."""

from collections.abc import Iterator, Mapping, Sequence

from mlsteward.contracts.basis import Basis, Seen
from mlsteward.contracts.check import Check
from mlsteward.contracts.measured import holds
from mlsteward.contracts.propose import Proposal, propose

# So many versions, the newest, are kept out one at a time, each tried with what was known before it.
_TRIED = 3
_LEAST_BEFORE = 2
Values = Mapping[str, Sequence[Mapping[str, int]]]


def propose_steady(basis: Basis, values: Values) -> tuple[list[Proposal], list[str]]:
    """The proposals that would have raised no alarm lately, and words on each that would have.

    Each of the newest versions is kept out in turn and held to what would have been proposed just before it came.
    With fewer than three versions there is none to keep out.
    """
    alarms: dict[str, str] = {}
    count = len(basis.versions)
    for place in range(max(_LEAST_BEFORE, count - _TRIED), count):
        known = {column: counts[:place] for column, counts in values.items()}
        for proposal in propose(basis.before(place), known):
            if _alarms(proposal.check, basis.versions[place], values, place):
                alarms[proposal.check.name] = f"would have failed on version {basis.versions[place].version}"
    found = propose(basis, values)
    left_out = [f"{one.check.name}: {alarms[one.check.name]}" for one in found if one.check.name in alarms]
    return [one for one in found if one.check.name not in alarms], left_out


def _alarms(check: Check, seen: Seen, values: Values, place: int) -> bool:
    """Whether a check fails on a version, as far as its profile tells."""
    measured = next(_measured(check, seen, values, place), None)
    return measured is not None and not holds(measured, check)


def _measured(check: Check, seen: Seen, values: Values, place: int) -> Iterator[float]:
    """What a profile tells of the number that a check measures; nothing where it does not."""
    if check.type == "row_count":
        yield float(seen.profile.rows)
        return
    column = seen.column(check.columns[0]) if len(check.columns) == 1 else None
    if column is None or not column.rows:
        return
    filled = max(column.rows - column.nulls, 1)
    share = 1 if check.unit == "rows" else 100 / (column.rows if check.type == "null_values" else filled)
    if check.type == "null_values":
        yield column.nulls * share
    elif check.type == "duplicate_values" and column.distinct_exact:
        yield (filled - column.distinct) * share
    elif check.type == "enum":
        counts = values.get(column.name, [])
        known = {str(value).lower() if isinstance(value, bool) else value for value in check.values}
        if place < len(counts):
            yield sum(count for value, count in counts[place].items() if value not in known) * share
    elif check.type == "range":
        yield _outside(check, column.quantiles) * filled * share


def _outside(check: Check, quantiles: Mapping[str, float]) -> float:
    """The least share of values outside a range that quantiles tell of."""
    low, high = check.minimum, check.maximum
    below = [float(q) for q, value in quantiles.items() if isinstance(low, float) and value < low]
    above = [1 - float(q) for q, value in quantiles.items() if isinstance(high, float) and value > high]
    return max(below, default=0.0) + max(above, default=0.0)
