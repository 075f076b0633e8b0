"""From a frame of raw columns to the matrix that an estimator reads; fitted on training rows, kept in the model."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from mlsteward.data.frames import column_of
from mlsteward.training.signature import SignatureColumn

Floats = NDArray[np.float64]
Style = Literal["tree", "scaled", "linear"]

_ONE_HOT_LEVELS = 12
_FOLDS = 5
_TEXT_TERMS = 5_000
_TEXT_COMPONENTS = 24
_FEWEST_DOCUMENTS = 2
_DAY = 86_400_000_000
MISSING = "(missing)"


class TableEncoder:
    """Encode columns by kind.

    Numbers stay numbers; Booleans become 0 and 1; times become the parts of them that vary; categories of up to 12
    levels become indicators (unseen levels all zero) and larger ones the cross-fitted mean of the target (Micci-Barreca
    2001; scikit-learn's TargetEncoder); text becomes TF-IDF. Style "tree" leaves missing numbers to the estimator;
    "scaled" and "linear" fill them with the median, add an indicator of it and standardise. Text is reduced to 24
    components but for "linear", which reads the terms themselves (a sparse matrix). `time_column` is the column that
    the rows were split by: of it only the cyclic parts are used, since every later row would lie outside the range
    seen.
    """

    def __init__(
        self,
        columns: Sequence[SignatureColumn],
        *,
        style: Style,
        target_type: str,
        seed: int,
        time_column: str = "",
    ) -> None:
        self.columns = [column.model_dump(include={"name", "kind"}) for column in columns]
        self.style = style
        self.target_type = target_type
        self.seed = seed
        self.time_column = time_column
        self.parts: dict[str, Any] = {}
        self.names: list[str] = []
        self.origins: list[str] = []
        self.centre: Floats = np.zeros(0)
        self.scale: Floats = np.ones(0)
        self.fill: Floats = np.zeros(0)
        self.flagged: list[int] = []

    def fit_transform(self, frame: pd.DataFrame, target: NDArray[Any]) -> Any:
        """Fit on n rows and return their (n, p) matrix; `target` (n,) are class codes or floats."""
        self.names, self.origins = [], []
        blocks: list[Any] = []
        for column in self.columns:
            name, kind = column["name"], column["kind"]
            block, labels = self._fit_column(column_of(frame, name), kind, target)
            blocks.append(block)
            self.names += labels
            self.origins += [name] * len(labels)
        return self._fit_scale(blocks)

    def transform(self, frame: pd.DataFrame) -> Any:
        """(n, p) matrix of other rows."""
        blocks = [self._apply_column(column_of(frame, column["name"]), column["kind"]) for column in self.columns]
        return self._apply_scale(blocks)

    def _fit_column(self, values: pd.Series, kind: str, target: NDArray[Any]) -> tuple[Any, list[str]]:
        name = str(values.name)
        if kind in ("number", "boolean"):
            return numbers_of(values), [name]
        if kind == "time":
            self.parts[name] = {"kept": _varying(_time_parts(values, cyclic=name == self.time_column))}
            return self._apply_column(values, kind), [f"{name}.{part}" for part in self.parts[name]["kept"]]
        if kind == "text":
            return self._fit_text(values)
        return self._fit_category(values, target)

    def _fit_category(self, values: pd.Series, target: NDArray[Any]) -> tuple[Any, list[str]]:
        name, texts = str(values.name), _texts(values)
        if len(np.unique(texts[:, 0].astype(str))) <= _ONE_HOT_LEVELS:
            encoder: Any = OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="if_binary")
            block = encoder.fit_transform(texts)
        else:
            deal = KFold if self.target_type == "continuous" else StratifiedKFold
            settings: dict[str, Any] = {"cv": deal(_FOLDS, shuffle=True, random_state=self.seed)}
            encoder = TargetEncoder(target_type=self.target_type, **settings)
            block = encoder.fit_transform(texts, target)
            # The splitter has done its work, and a model file holds no such objects.
            encoder.set_params(cv=_FOLDS)
        self.parts[name] = {"encoder": encoder}
        return block, [str(label) for label in encoder.get_feature_names_out([name])]

    def _fit_text(self, values: pd.Series) -> tuple[Any, list[str]]:
        name, texts = str(values.name), _texts(values)[:, 0]
        vectorizer = TfidfVectorizer(
            max_features=_TEXT_TERMS, sublinear_tf=True, min_df=_FEWEST_DOCUMENTS, ngram_range=(1, 2), dtype=np.float64
        )
        try:
            block: Any = vectorizer.fit_transform(texts)
        except ValueError:  # no word stands in two rows
            self.parts[name] = {"empty": True}
            return np.zeros((len(values), 0)), []
        self.parts[name] = {"encoder": vectorizer}
        terms = [f"{name}: {term}" for term in vectorizer.get_feature_names_out()]
        if self.style == "linear":
            return sparse.csr_matrix(block), terms
        components = min(_TEXT_COMPONENTS, block.shape[1] - 1)
        if components < 1:
            return block.toarray(), terms
        reducer = TruncatedSVD(components, random_state=self.seed)
        self.parts[name]["reducer"] = reducer
        return reducer.fit_transform(block), [f"{name}: component {place + 1}" for place in range(components)]

    def _apply_column(self, values: pd.Series, kind: str) -> Any:
        if kind in ("number", "boolean"):
            return numbers_of(values)
        part = self.parts[str(values.name)]
        if kind == "time":
            parts = _time_parts(values, cyclic=False)
            return np.column_stack([parts[kept] for kept in part["kept"]]) if part["kept"] else _nothing(values)
        if "empty" in part:
            return _nothing(values)
        texts = _texts(values)
        if kind == "category" and values.dtype.kind in "iuf":
            texts = _spelled_as(texts, part["encoder"].categories_[0])
        block = part["encoder"].transform(texts if kind == "category" else texts[:, 0])
        if "reducer" in part:
            return part["reducer"].transform(block)
        return block.toarray() if kind == "text" and self.style != "linear" else block

    def _fit_scale(self, blocks: list[Any]) -> Any:
        if self.style == "tree":
            return _stack(blocks)
        dense = _dense(blocks)
        self.flagged = [int(place) for place in np.flatnonzero(np.isnan(dense).any(axis=0))]
        # A column without any value is filled with 0.
        self.fill = np.array(
            [np.median(column[~np.isnan(column)]) if (~np.isnan(column)).any() else 0.0 for column in dense.T]
        )
        filled = np.where(np.isnan(dense), self.fill, dense)
        self.centre, scale = filled.mean(axis=0), filled.std(axis=0)
        self.scale = np.where(scale > 0, scale, 1.0)
        places = [
            place for place, block in enumerate(blocks) if not sparse.issparse(block) for _ in range(block.shape[1])
        ]
        self._name_flags(places)
        return self._apply_scale(blocks)

    def _name_flags(self, places: list[int]) -> None:
        """Names in the order of the scaled matrix: dense columns, indicators of missing values, then sparse terms."""
        named = [column["name"] for column in self.columns]
        dense = [place for place, origin in enumerate(self.origins) if named.index(origin) in set(places)]
        terms = [place for place in range(len(self.origins)) if place not in set(dense)]
        flags = [dense[place] for place in self.flagged]
        names, origins = self.names, self.origins
        self.names = [names[p] for p in dense] + [f"{names[p]} is missing" for p in flags] + [names[p] for p in terms]
        self.origins = [origins[place] for place in [*dense, *flags, *terms]]

    def _apply_scale(self, blocks: list[Any]) -> Any:
        if self.style == "tree":
            return _stack(blocks)
        dense = _dense(blocks)
        flags = np.isnan(dense[:, self.flagged]).astype(np.float64)
        scaled = (np.where(np.isnan(dense), self.fill, dense) - self.centre) / self.scale
        matrix = np.hstack([scaled, flags])
        terms = [block for block in blocks if sparse.issparse(block)]
        return sparse.csr_matrix(sparse.hstack([sparse.csr_matrix(matrix), *terms])) if terms else matrix


def numbers_of(values: pd.Series) -> Floats:
    """(n, 1) floats, NaN for what is missing or infinite."""
    numbers = np.asarray(values.astype("float64"), dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan).reshape(-1, 1)


def _stack(blocks: list[Any]) -> Floats:
    return np.ascontiguousarray(np.hstack(blocks), dtype=np.float64)


def _dense(blocks: list[Any]) -> Floats:
    dense = [block for block in blocks if not sparse.issparse(block)]
    return np.hstack(dense) if dense else np.zeros((blocks[0].shape[0], 0))


def _nothing(values: pd.Series) -> Floats:
    return np.zeros((len(values), 0))


def _texts(values: pd.Series) -> NDArray[np.object_]:
    """(n, 1) texts; a missing value is a level of its own."""
    codes, distinct = pd.factorize(values)
    known = np.array([*(str(value) for value in distinct), MISSING], dtype=object)
    return known[codes].reshape(-1, 1)


def _spelled_as(texts: NDArray[np.object_], levels: Sequence[str]) -> NDArray[np.object_]:
    """Numbers as `levels` spell them: `5` and `5.0` are one, by whether the column had gaps when it was read."""
    spelled = {float(level): level for level in levels if level != MISSING}
    return np.array(
        [[spelled.get(float(text), text) if text != MISSING else text] for text in texts[:, 0]], dtype=object
    )


def _time_parts(values: pd.Series, *, cyclic: bool) -> dict[str, Floats]:
    """What an instant can mean: its place in the year, the week and the day; unless `cyclic` also days since 1970."""
    stamps = pd.to_datetime(values).to_numpy(dtype="datetime64[us]")
    missing = np.isnat(stamps)
    filled = np.where(missing, np.datetime64(0, "us"), stamps)
    micros, months, days = (filled.astype(f"datetime64[{unit}]") for unit in ("us", "M", "D"))
    since = micros.astype(np.int64)
    found = {
        "month": months.astype(np.int64) % 12 + 1.0,
        "day_of_month": (days - months.astype("datetime64[D]")).astype(np.int64) + 1.0,
        "weekday": (days.astype(np.int64) + 3) % 7.0,
        "hour": since % _DAY // 60_000_000 / 60,
    }
    if not cyclic:
        found["days"] = since / _DAY
    return {name: np.where(missing, np.nan, part) for name, part in found.items()}


def _varying(parts: dict[str, Floats]) -> list[str]:
    return [name for name, values in parts.items() if len(np.unique(values[~np.isnan(values)])) > 1]
