"""Whether a table holds what a model needs. Light to import: tools ask before they start a run."""

from collections.abc import Sequence

from mlsteward.data.engine import quote
from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.training.signature import SignatureColumn

_NUMBERS = ("number", "boolean")
_SHOWN = 8


def check_table(
    signature: Sequence[SignatureColumn], columns: Sequence[Column], *, dataset: str, target: str = ""
) -> None:
    """Raise InvalidArgument unless `columns` of `dataset` hold every column of the signature in a type that fits, and
    `target` unless that is ""."""
    types = {column.name: column.type for column in columns}
    wanted = [column.name for column in signature] + ([target] if target else [])
    missing = [name for name in wanted if name not in types]
    if missing:
        close = [match for name in missing[:3] for match in close_names(name, types, limit=1)]
        what = "the target " if missing == [target] else ""
        listed = ", ".join(f"`{name}`" for name in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise InvalidArgument(
            f"{dataset} has no column {what}{listed}{more}, which the model needs.",
            close=close,
            next=f'profile_dataset(dataset="{dataset}")',
        )
    unfit = {column.name: column.type for column in signature if _mismatch(column, types[column.name])}
    if unfit:
        wrong = [words for column in signature if (words := _mismatch(column, types[column.name]))]
        casts = ", ".join(f"TRY_CAST({quote(name)} AS {wanted}) AS {quote(name)}" for name, wanted in unfit.items())
        statement = f"SELECT * REPLACE ({casts}) FROM {quote(dataset)}"
        name = f"{dataset.partition('@')[0]}_cast"
        raise InvalidArgument(
            f"The columns of {dataset} do not fit the model: {'; '.join(wrong[:_SHOWN])}.",
            next=f"transform_dataset(name='{name}', sql='{statement}')",
        )


def _mismatch(column: SignatureColumn, type_text: str) -> str:
    family = type_family(type_text)
    fits = (
        column.kind in ("category", "text") or family == column.kind or (column.kind in _NUMBERS and family in _NUMBERS)
    )
    return "" if fits else f"`{column.name}` is {type_text} here and a {column.kind} ({column.type}) in the model"
