"""The encoder of a model as nodes of an ONNX graph: from one input a column to the matrix its estimator reads.

Numbers and Booleans are inputs of doubles with NaN for what is missing; categories of text are inputs of strings with
`(missing)` for that; times are inputs of 64-bit microseconds since 1970 in UTC, the smallest number for a missing one.
Only worker code imports this module; it needs the extra `onnx`.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsteward.data.profile import type_family
from mlsteward.errors import NotSupported
from mlsteward.training.encoder import MISSING, TableEncoder

# An extra without types; whoever lacks it gets the ImportError of this line.
onnx: Any = import_module("onnx")

Floats = NDArray[np.float64]
NO_TIME = np.iinfo(np.int64).min
_DAY = 86_400_000_000
_NO_LEVEL = "\0 no level of any column"


class Graph:
    """Nodes and constants on their way into a graph; every method gives the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._count = 0

    def name(self, what: str = "t") -> str:
        self._count += 1
        return f"{what}_{self._count}"

    def constant(self, values: Any, kind: type = np.float64) -> str:
        """A tensor; text goes in as strings."""
        name = self.name("c")
        if kind is str:
            texts = [str(value).encode() for value in values]
            self.constants.append(onnx.helper.make_tensor(name, onnx.TensorProto.STRING, [len(texts)], texts))
        else:
            self.constants.append(onnx.numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = self.name(kind.lower())
        self.nodes.append(
            onnx.helper.make_node(kind, list(inputs), [name], name=f"n_{name}", domain=domain, **attributes)
        )
        return name

    def double(self, source: str) -> str:
        return self.op("Cast", source, to=onnx.TensorProto.DOUBLE)


def input_kind(column: Mapping[str, Any]) -> int:
    """The type of a column's input."""
    if column["kind"] == "time":
        return onnx.TensorProto.INT64
    numeric = column["kind"] in ("number", "boolean") or type_family(column["type"]) == "number"
    return onnx.TensorProto.DOUBLE if numeric else onnx.TensorProto.STRING


def encode(graph: Graph, encoder: TableEncoder, inputs: Mapping[str, str], types: Mapping[str, str]) -> str:
    """The (n, p) matrix; NotSupported for text, whose words no graph splits as the model does."""
    blocks: list[str] = []
    for column in encoder.columns:
        name, kind = column["name"], column["kind"]
        part = encoder.parts.get(name, {})
        if kind == "text" and "empty" not in part:
            raise NotSupported(
                f"`{name}` is read word by word, and ONNX has no words: package the model for docker or mlflow instead."
            )
        if kind in ("number", "boolean"):
            blocks.append(_finite(graph, inputs[name]))
        elif kind == "time" and part["kept"]:
            blocks += _time_parts(graph, inputs[name], part["kept"])
        elif kind == "category":
            numeric = type_family(types[name]) == "number"
            blocks.append((_number_levels if numeric else _text_levels)(graph, inputs[name], part["encoder"]))
    matrix = graph.op("Concat", *blocks, axis=1)
    return matrix if encoder.style == "tree" else _scaled(graph, encoder, matrix)


def _finite(graph: Graph, source: str) -> str:
    """Infinite numbers count as missing."""
    nothing = graph.constant([[np.nan]])
    single = graph.op("Cast", source, to=onnx.TensorProto.FLOAT)
    huge = graph.constant([[np.finfo(np.float64).max]])
    strange = graph.op("And", graph.op("IsInf", single), graph.op("Greater", graph.op("Abs", source), huge))
    return graph.op("Where", strange, nothing, source)


def _levels(encoder: Any) -> tuple[list[str], Floats, Floats]:
    """Levels, the part of the row (m, w) that the fitted encoder gives each, and the one of any other."""
    levels = [str(level) for level in encoder.categories_[0]]
    asked = np.array([*levels, _NO_LEVEL], dtype=object).reshape(-1, 1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found unknown categories", UserWarning, "sklearn")
        parts = np.asarray(encoder.transform(asked), dtype=np.float64)
    return levels, parts[:-1], parts[-1]


def _text_levels(graph: Graph, source: str, encoder: Any) -> str:
    levels, parts, other = _levels(encoder)
    place = graph.op(
        "LabelEncoder",
        source,
        domain="ai.onnx.ml",
        keys_strings=levels,
        values_int64s=list(range(len(levels))),
        default_int64=len(levels),
    )
    table = graph.constant(np.vstack([parts, other]))
    return graph.op("Gather", table, graph.op("Squeeze", place, graph.constant([1], np.int64)), axis=0)


def _number_levels(graph: Graph, source: str, encoder: Any) -> str:
    """Levels of numbers are found as numbers; a missing one is the level of that name, where training had it."""
    levels, parts, other = _levels(encoder)
    numbers = [place for place, level in enumerate(levels) if level != MISSING]
    missing = parts[levels.index(MISSING)] if MISSING in levels else other
    known = graph.constant([[float(levels[place]) for place in numbers]])
    which = graph.double(graph.op("Equal", source, known))
    found = graph.op("MatMul", which, graph.constant(parts[numbers] - other))
    found = graph.op("Add", found, graph.constant([other]))
    return graph.op("Where", graph.op("IsNaN", source), graph.constant([missing]), found)


def _time_parts(graph: Graph, source: str, kept: Sequence[str]) -> list[str]:
    missing = graph.op("Equal", source, graph.constant([[NO_TIME]], np.int64))
    micros = graph.op("Where", missing, graph.constant([[0]], np.int64), source)
    day = _over(graph, micros, _DAY)
    makers: dict[str, Callable[[], str]] = {
        "month": lambda: graph.double(_civil(graph, day)[0]),
        "day_of_month": lambda: graph.double(_civil(graph, day)[1]),
        "weekday": lambda: graph.double(_rest(graph, _plus(graph, day, 3), 7)),
        "hour": lambda: graph.op(
            "Div",
            graph.double(_over(graph, _rest(graph, micros, _DAY), 60_000_000)),
            graph.constant([[60.0]]),
        ),
        "days": lambda: graph.op("Div", graph.double(micros), graph.constant([[float(_DAY)]])),
    }
    return [graph.op("Where", missing, graph.constant([[np.nan]]), makers[part]()) for part in kept]


def _civil(graph: Graph, day: str) -> tuple[str, str]:
    """Month and day of the month of a day since 1970 (Hinnant, chrono-compatible low-level date algorithms, 2013)."""
    shifted = _plus(graph, day, 719_468)
    of_era = _rest(graph, shifted, 146_097)
    less = graph.op("Sub", of_era, _over(graph, of_era, 1_460))
    less = graph.op("Add", less, _over(graph, of_era, 36_524))
    year = _over(graph, graph.op("Sub", less, _over(graph, of_era, 146_096)), 365)
    before = graph.op("Mul", year, graph.constant([[365]], np.int64))
    before = graph.op("Add", before, _over(graph, year, 4))
    before = graph.op("Sub", before, _over(graph, year, 100))
    of_year = graph.op("Sub", of_era, before)
    # Months counted from March.
    five = _plus(graph, graph.op("Mul", of_year, graph.constant([[5]], np.int64)), 2)
    month = _over(graph, five, 153)
    through = _plus(graph, graph.op("Mul", month, graph.constant([[153]], np.int64)), 2)
    of_month = _plus(graph, graph.op("Sub", of_year, _over(graph, through, 5)), 1)
    early = graph.op("Less", month, graph.constant([[10]], np.int64))
    return graph.op("Where", early, _plus(graph, month, 3), _plus(graph, month, -9)), of_month


def _plus(graph: Graph, source: str, number: int) -> str:
    return graph.op("Add", source, graph.constant([[number]], np.int64))


def _rest(graph: Graph, source: str, number: int) -> str:
    """The remainder, of the divisor's sign."""
    return graph.op("Mod", source, graph.constant([[number]], np.int64))


def _over(graph: Graph, source: str, number: int) -> str:
    """The quotient, rounded down."""
    whole = graph.op("Sub", source, _rest(graph, source, number))
    return graph.op("Div", whole, graph.constant([[number]], np.int64))


def _scaled(graph: Graph, encoder: TableEncoder, matrix: str) -> str:
    missing = graph.op("IsNaN", matrix)
    filled = graph.op("Where", missing, graph.constant([encoder.fill]), matrix)
    centred = graph.op("Sub", filled, graph.constant([encoder.centre]))
    scaled = graph.op("Div", centred, graph.constant([encoder.scale]))
    if not encoder.flagged:
        return scaled
    flags = graph.op("Gather", graph.double(missing), graph.constant(encoder.flagged, np.int64), axis=1)
    return graph.op("Concat", scaled, flags, axis=1)
