"""`python -m tests.mlflow_client.package FOLDER`: a small model packaged for MLflow, and parity of ONNX forms."""

import sys
import warnings
from pathlib import Path

from mlsteward.serving.model_file import save_bundle
from mlsteward.serving.onnx_form import TOLERANCE, onnx_form, onnx_scores
from mlsteward.serving.package_mlflow import Packaged, write_mlflow
from mlsteward.serving.single_row import compare_scores
from mlsteward.training.signature import Task
from tests import single_row_models as models

warnings.filterwarnings("ignore", "Stochastic Optimizer")  # small networks are cut short
folder = Path(sys.argv[1])
bundle = models.fitted("binary", "hist_gradient_boosting", "logistic_regression")
target = folder / "packaged"
target.mkdir()
sha256 = save_bundle(bundle, folder / "model.skops")
about = Packaged(label="late@1", sha256=sha256, dataset="orders@1")
write_mlflow(target, bundle, (folder / "model.skops").read_bytes(), about)

models.KINDS.pop("note")  # words have no form in ONNX
TASKS: dict[Task, list[str]] = {
    "binary": ["random_forest", "hist_gradient_boosting", "logistic_regression", "mlp"],
    "multiclass": ["extra_trees", "hist_gradient_boosting", "naive_bayes"],
    "regression": ["random_forest", "hist_gradient_boosting", "ridge", "mlp"],
}
for task, estimators in TASKS.items():
    for chosen in (*([name] for name in estimators), estimators):
        bundle = models.fitted(task, *chosen)
        scores, labels = onnx_scores(onnx_form(bundle), bundle, models.LATER)
        expected = bundle.raw_scores(models.LATER)
        found = compare_scores(bundle, expected, scores, TOLERANCE)
        assert found.passed, (task, chosen, found.words)
        assert not labels or labels == list(bundle.labels_of(expected)), (task, chosen)
sys.stdout.write("packages say what their models say\n")
