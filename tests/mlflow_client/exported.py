"""Run by MLflow's own client against a server of MLflow's own, after `mlsteward export mlflow`: what has arrived there.

Writes nothing but a line at the end; every expectation is an assertion.
"""

# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
# The library lives in an environment of its own, so its types are not known here.
import sys

import mlflow

client = mlflow.MlflowClient()
(version,) = client.search_model_versions("name='tumour'")
run = client.get_run(version.run_id)
assert run.info.status == "FINISHED"
assert run.data.metrics["roc_auc"] > 0.9
assert run.data.tags["mlsteward.origin.dataset"] == "tumours@1"
assert client.get_model_version_by_alias("tumour", "challenger").version == version.version
model = mlflow.pyfunc.load_model("models:/tumour@challenger")
assert set(model.predict(model.input_example)["prediction"]) <= {"benign", "malignant"}
sys.stdout.write(f"mlflow {mlflow.__version__}: what was exported is there, and predicts\n")
