"""Class labels as text: the one spelling that training, evaluation and prediction share."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def as_labels(values: pd.Series) -> NDArray[np.object_]:
    """(n,) labels as text, None where the value is missing.

    Whole numbers have no decimals whatever their type (`1`, not `1.0`), Booleans are `true` and `false`, times are
    ISO 8601: the texts that DuckDB gives too.
    """
    codes, distinct = pd.factorize(values)
    texts = np.array([*(_text(value) for value in distinct), None], dtype=object)
    return texts[codes]


def _text(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if np.isfinite(value) and value == int(value) else str(float(value))
    return str(value)
