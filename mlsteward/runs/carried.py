"""Words that a column brings along from the dataset it was taken from."""

from mlsteward.dictionary.entry import Entry

# What a column brings along from the dataset it was taken from. A role fits the table, so only a written one comes.
_CARRIED = ("description", "business_name", "unit", "sensitivity", "available_at", "allowed_values")


def with_carried(entry: Entry, origin: Entry | None) -> Entry:
    """`entry` with the words of the column it was taken from, where the values say that it still is that column."""
    if origin is None or entry.type != origin.type or not _lies_within(entry, origin):
        return entry
    carried = {field: getattr(origin, field) for field in _CARRIED if getattr(origin, field)}
    if "role" in origin.writers:
        carried["role"] = origin.role
    return entry.model_copy(update=carried)


def _lies_within(entry: Entry, origin: Entry) -> bool:
    ends = (origin.facts.minimum, entry.facts.minimum, entry.facts.maximum, origin.facts.maximum)
    if all(isinstance(end, str) for end in ends) or all(isinstance(end, int | float) for end in ends):
        low, least, most, high = ends
        return low <= least and most <= high  # pyright: ignore[reportOperatorIssue] - of one type, as just seen
    return True
