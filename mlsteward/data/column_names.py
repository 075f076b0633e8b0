"""Names of columns as a source gives them, made fit for SQL, where case does not tell names apart."""

from collections import Counter
from collections.abc import Sequence

from mlsteward.errors import UnusableData

MOST_COLUMNS = 2_000
_LONGEST = 200


def clean_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The names to use, and warnings for those that had to change.

    Spaces around are dropped and blank names numbered. Raises UnusableData for two columns of one name (in any case),
    for overlong names and for more than 2,000 columns.
    """
    if len(names) > MOST_COLUMNS:
        raise UnusableData(
            f"The table has {len(names):,} columns, and a dataset at most {MOST_COLUMNS:,}. "
            "Wide measurements belong in rows: one column that names the measurement and one with its value."
        )
    cleaned = [" ".join(name.replace("\x00", "").split()) for name in names]
    blank = [position for position, name in enumerate(cleaned, start=1) if not name]
    for position in blank:
        cleaned[position - 1] = f"column_{position}"
    _refuse_twins(cleaned)
    if longest := next((name for name in cleaned if len(name) > _LONGEST), ""):
        raise UnusableData(f"A column's name has {len(longest)} characters, of at most {_LONGEST}: {longest[:60]!r}…")
    warnings: list[str] = []
    if blank:
        warnings.append(
            "Columns without a name are called " + _few([cleaned[position - 1] for position in blank]) + "."
        )
    changed = [new for old, new in zip(names, cleaned, strict=True) if old.strip() and old != new]
    if changed:
        warnings.append(f"Spaces were dropped from the names of {_few(changed)}.")
    return cleaned, warnings


def _refuse_twins(names: Sequence[str]) -> None:
    counts = Counter(name.casefold() for name in names)
    if len(counts) == len(names):
        return
    groups = [[name for name in names if name.casefold() == folded] for folded, count in counts.items() if count > 1]
    twins = [" and ".join(repr(name) for name in group) for group in groups]
    only_case = all(len(set(group)) == len(group) for group in groups)
    why = "differ only in case, which SQL does not tell apart" if only_case else "have the same name"
    raise UnusableData(f"Columns {why}: {'; '.join(twins[:5])}. Rename them in the source.")


def _few(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
