"""The two columns that stand beside a column of labels: who gave them, and when."""

from collections.abc import Collection

BY = "_labelled_by"
AT = "_labelled_at"


def companions(column: str) -> tuple[str, str]:
    """`category_labelled_by` and `category_labelled_at` for `category`."""
    return f"{column}{BY}", f"{column}{AT}"


def is_companion(name: str, names: Collection[str]) -> bool:
    """Whether a column tells of the labels in another of the table's columns, so that no model may learn from it."""
    return any(name.endswith(ending) and name.removesuffix(ending) in names for ending in (BY, AT))
