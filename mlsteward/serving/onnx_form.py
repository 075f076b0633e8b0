"""A model as one ONNX file: encoders and trees as nodes of ours, other estimators by skl2onnx, averaged as it does.

Only worker code imports this module; it needs the extra `onnx`.
"""

import copy
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsteward.data.frames import column_of
from mlsteward.errors import NotSupported
from mlsteward.serving.plain_estimators import PlainBoosting, PlainForest, plain_estimator
from mlsteward.training.bundle import Member, ModelBundle

if TYPE_CHECKING:
    import pandas as pd

    from mlsteward.serving.onnx_graph import Graph

Floats = NDArray[np.float64]
OPSETS = {"": 18, "ai.onnx.ml": 3}
SCORES, LABEL = "scores", "prediction"
# Single precision inside a converted estimator; what this hides no decision is made of.
TOLERANCE = 1e-5
_NEEDED = "ONNX is an optional extra that is not installed: pip install 'mlsteward[onnx]'."


def onnx_form(bundle: ModelBundle) -> bytes:
    """The model as a file. Raises NotSupported, in words, for what has no such form."""
    try:
        from mlsteward.serving.onnx_graph import Graph, encode, input_kind, onnx
    except ImportError as error:
        raise NotSupported(_NEEDED) from error

    graph = Graph()
    inputs = {column["name"]: _input_name(column["name"]) for column in bundle.columns}
    types = {column["name"]: column["type"] for column in bundle.columns}
    total = sum(member.weight for member in bundle.members)
    parts = [
        graph.op(
            "Mul",
            _member_scores(graph, member, encode(graph, member.encoder, inputs, types), len(bundle.classes)),
            graph.constant(member.weight / total),
        )
        for member in bundle.members
    ]
    scores = graph.op("Sum", *parts)
    graph.nodes.append(onnx.helper.make_node("Identity", [scores], [SCORES]))
    outputs = [onnx.helper.make_tensor_value_info(SCORES, onnx.TensorProto.DOUBLE, [None, max(len(bundle.classes), 1)])]
    if bundle.classes:
        _label(graph, bundle, scores)
        outputs.insert(0, onnx.helper.make_tensor_value_info(LABEL, onnx.TensorProto.STRING, [None]))
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "mlsteward",
            [
                onnx.helper.make_tensor_value_info(inputs[column["name"]], input_kind(column), [None, 1])
                for column in bundle.columns
            ],
            outputs,
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid(domain, version) for domain, version in OPSETS.items()],
        ir_version=9,
        producer_name="mlsteward",
    )
    onnx.checker.check_model(made)
    return made.SerializeToString()


def _input_name(column: str) -> str:
    """Columns are called as they are, but for those with the name of an output."""
    return f"{column}_column" if column in (SCORES, LABEL) else column


def _label(graph: "Graph", bundle: ModelBundle, scores: str) -> None:
    from mlsteward.serving.onnx_graph import onnx

    if len(bundle.classes) == 2:
        positive = graph.op("Gather", scores, graph.constant(1, np.int64), axis=1)
        above = graph.op("GreaterOrEqual", positive, graph.constant(bundle.threshold))
        place = graph.op("Cast", above, to=onnx.TensorProto.INT64)
    else:
        place = graph.op("ArgMax", scores, axis=1, keepdims=0)
    graph.nodes.append(onnx.helper.make_node("Gather", [graph.constant(bundle.classes, str), place], [LABEL], axis=0))


def _member_scores(graph: "Graph", member: Member, matrix: str, classes: int) -> str:
    """(n, k) probabilities in class order, or (n, 1) predictions."""
    from mlsteward.serving.onnx_trees import tree_scores

    estimator, centre, spread = _unscaled(member.estimator)
    plain = plain_estimator(estimator)
    if isinstance(plain, PlainForest | PlainBoosting):
        found = tree_scores(graph, plain, matrix)
    else:
        found = graph.double(_converted(graph, estimator, matrix, probabilities=classes > 0))
    if not classes:
        found = graph.op("Reshape", found, graph.constant([-1, 1], np.int64))
        return graph.op("Add", graph.op("Mul", found, graph.constant(spread)), graph.constant(centre))
    known = [int(code) for code in estimator.classes_]
    if len(known) == classes:
        return found
    places = np.zeros((len(known), classes))
    places[np.arange(len(known)), known] = 1.0
    return graph.op("MatMul", found, graph.constant(places))


def _unscaled(estimator: Any) -> tuple[Any, float, float]:
    """A regressor on the standardised target as the one of scikit-learn below it, and how to put its output back."""
    from mlsteward.training.scaled_target import ScaledMLPRegressor, ScaledSVR

    if not isinstance(estimator, ScaledMLPRegressor | ScaledSVR):
        return estimator, 0.0, 1.0
    inner = copy.copy(estimator)
    inner.__class__ = type(estimator).__mro__[1]
    return inner, estimator.centre_, estimator.spread_


def _converted(graph: "Graph", estimator: Any, matrix: str, *, probabilities: bool) -> str:
    """The estimator's nodes, put into the graph; its output."""
    from mlsteward.serving.onnx_graph import onnx

    skl2onnx: Any = import_module("skl2onnx")
    types: Any = import_module("skl2onnx.common.data_types")
    refusals: Any = import_module("skl2onnx.common.exceptions")
    expected = (
        refusals.MissingConverter,
        refusals.MissingShapeCalculator,
        NotImplementedError,
        RuntimeError,
        TypeError,
    )
    name = type(estimator).__name__
    try:
        made: Any = skl2onnx.convert_sklearn(
            estimator,
            initial_types=[("X", types.DoubleTensorType([None, int(estimator.n_features_in_)]))],
            options={id(estimator): {"zipmap": False}} if probabilities else None,
            target_opset=OPSETS,
        )
    except expected as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise NotSupported(
            f"A {name} has no ONNX form here ({reason}); package the model for docker or mlflow instead."
        ) from error
    prefixed = onnx.compose.add_prefix(made, f"{graph.name('m')}_").graph
    graph.nodes.append(onnx.helper.make_node("Identity", [matrix], [prefixed.input[0].name]))
    graph.nodes += list(prefixed.node)
    graph.constants += list(prefixed.initializer)
    return prefixed.output[1 if probabilities else 0].name


def onnx_scores(model: bytes, bundle: ModelBundle, frame: "pd.DataFrame") -> tuple[Floats, list[str]]:
    """What the file says of rows as `data.frames.read_frame` gives them: (n, k) scores and, of classes, the labels."""
    try:
        onnxruntime: Any = import_module("onnxruntime")
    except ImportError as error:
        raise NotSupported(_NEEDED) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    found = dict(zip(names, session.run(names, feeds(bundle, frame)), strict=True))
    return np.asarray(found[SCORES], dtype=np.float64), [str(label) for label in found.get(LABEL, [])]


def feeds(bundle: ModelBundle, frame: "pd.DataFrame") -> Mapping[str, NDArray[Any]]:
    """The inputs for rows, by column."""
    from mlsteward.serving.onnx_graph import NO_TIME, input_kind, onnx
    from mlsteward.training.encoder import MISSING

    found: dict[str, NDArray[Any]] = {}
    for column in bundle.columns:
        values = column_of(frame, column["name"])
        match input_kind(column):
            case onnx.TensorProto.DOUBLE:
                made = np.asarray(values.astype("float64"), dtype=np.float64)
            case onnx.TensorProto.INT64:
                stamps = values.to_numpy(dtype="datetime64[us]")
                made = np.where(np.isnat(stamps), NO_TIME, stamps.astype(np.int64))
            case _:
                missing = values.isna().to_numpy()
                texts = [MISSING if gone else str(value) for value, gone in zip(values, missing, strict=True)]
                made = np.array(texts, dtype=object)
        found[_input_name(column["name"])] = made.reshape(-1, 1)
    return found
