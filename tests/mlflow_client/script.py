"""Run by MLflow's own client in an environment of its own, against our HTTP server: an ordinary script, unchanged.

Writes nothing but a line at the end; every expectation is an assertion.
"""

# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
# The library lives in an environment of its own, so its types are not known here.
import sys

import mlflow
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

mlflow.set_experiment("irises")
mlflow.autolog()
X, y = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run(run_name="logistic") as run:
    model = LogisticRegression(max_iter=500, C=0.5).fit(X, y)
    for step in range(20):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_text("hello", "notes/a.txt")
    mlflow.set_tag("owner", "ann")
GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, cv=2).fit(X, y)
mlflow.autolog(disable=True)

client = mlflow.MlflowClient()
experiment = mlflow.get_experiment_by_name("irises").experiment_id
found = client.get_run(run.info.run_id)
assert found.info.status == "FINISHED"
assert found.data.params["C"] == "0.5"
assert found.data.metrics["training_score"] > 0.9
assert found.data.tags["owner"] == "ann"
assert len(found.inputs.dataset_inputs) == 1
assert [one.step for one in client.get_metric_history(run.info.run_id, "loss")] == list(range(20))
children = mlflow.search_runs(
    [experiment], filter_string="tags.mlflow.parentRunId != '' and params.C = '1.0'", output_format="list"
)
assert len(children) == 1
best = mlflow.search_runs([experiment], order_by=["metrics.training_score DESC"], max_results=1, output_format="list")
assert best[0].data.metrics["training_score"] > 0.9
assert "notes" in [one.path for one in client.list_artifacts(run.info.run_id)]
assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/a.txt") == "hello"

(logged,) = mlflow.search_logged_models([experiment], f"source_run_id = '{run.info.run_id}'", output_format="list")
loaded = mlflow.sklearn.load_model(f"models:/{logged.model_id}")
assert np.array_equal(loaded.predict(X), model.predict(X))
for version in ("1", "2"):
    with mlflow.start_run(run_name="registered"):
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name="iris")
    assert str(info.registered_model_version) == version
client.set_registered_model_alias("iris", "champion", 1)
served = mlflow.pyfunc.load_model("models:/iris@champion")
assert np.array_equal(served.predict(X), model.predict(X))
assert [one.version for one in client.search_model_versions("name='iris'")] == ["2", "1"]
try:
    with mlflow.start_run():
        mlflow.log_param("a", 1)
        mlflow.log_param("a", 2)
except mlflow.exceptions.MlflowException as error:
    assert error.error_code == "INVALID_PARAMETER_VALUE"
else:
    raise AssertionError("a parameter changed")

if len(sys.argv) > 1:
    packaged = mlflow.pyfunc.load_model(sys.argv[1])
    assert "prediction" in packaged.predict(packaged.input_example).columns
sys.stdout.write(f"mlflow {mlflow.__version__}: logged, registered and loaded\n")
