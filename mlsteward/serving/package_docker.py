"""A model as a folder to build an image from: the endpoint of this platform, the model, pinned libraries, no store."""

import json
import shlex
from pathlib import Path

from mlsteward.serving.endpoint.desired import DEPLOYMENTS, Desired, ServedModel
from mlsteward.serving.package_code import SERVING, copy_code, example_row, pinned, python_version
from mlsteward.serving.package_mlflow import Packaged
from mlsteward.serving.pyfunc import MODEL
from mlsteward.training.bundle import ModelBundle

PORT = 8080
ENDPOINT = "mlsteward.serving.endpoint.main"
_DOCKERFILE = """\
FROM python:{python}-slim
RUN useradd --uid 10001 --create-home endpoint
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY mlsteward ./mlsteward
COPY workspace ./workspace
COPY start.py .
RUN mkdir -p workspace/deployments/{name} && chown -R endpoint workspace/deployments
USER endpoint
ENV PYTHONUNBUFFERED=1 PORT={port}
EXPOSE {port}
HEALTHCHECK --start-period=30s CMD ["python", "-c", \
"import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/v2/health/ready', timeout=3)"]
CMD ["python", "start.py"]
"""
_START = '''\
"""Start the endpoint: the token that callers must send is taken from MLSTEWARD_TOKEN, of which it keeps a hash."""

import hashlib
import json
import os
import sys
from pathlib import Path

workspace = Path(__file__).parent / "workspace"
desired = json.loads((workspace / "desired.json").read_text())
token = os.environ.get("MLSTEWARD_TOKEN", "")
host = os.environ.get("HOST", "0.0.0.0")
if not token and host not in ("127.0.0.1", "localhost"):
    sys.exit("MLSTEWARD_TOKEN is not set: an endpoint that others can reach needs a token.")
desired["host"] = host
desired["port"] = int(os.environ.get("PORT", "{port}"))
desired["token_hashes"] = [hashlib.sha256(token.encode()).hexdigest()] if token else []
folder = workspace / "deployments" / desired["deployment"]
folder.mkdir(parents=True, exist_ok=True)
(folder / "desired.json").write_text(json.dumps(desired))
os.execv(sys.executable, [sys.executable, "-m", "mlsteward.serving.endpoint.main", str(folder)])
'''
_KUBERNETES = """\
# kubectl create secret generic {name}-token --from-literal=token=$(openssl rand -hex 32)
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{app: {name}}}
spec:
  replicas: 1
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      securityContext: {{runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001}}
      containers:
        - name: endpoint
          image: {name}:{tag}
          ports:
            - containerPort: {port}
          env:
            - name: MLSTEWARD_TOKEN
              valueFrom:
                secretKeyRef: {{name: {name}-token, key: token}}
          startupProbe:
            httpGet: {{path: /v2/health/ready, port: {port}}}
            periodSeconds: 2
            failureThreshold: 60
          readinessProbe:
            httpGet: {{path: /v2/health/ready, port: {port}}}
            periodSeconds: 5
          livenessProbe:
            httpGet: {{path: /v2/health/live, port: {port}}}
            periodSeconds: 10
          resources:
            requests: {{cpu: 100m, memory: 256Mi}}
            limits: {{memory: 1Gi}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
          volumeMounts:
            # The prediction log. For one that outlives the pod put a PersistentVolumeClaim here.
            - {{name: deployments, mountPath: /app/workspace/deployments}}
            - {{name: temporary, mountPath: /tmp}}
      volumes:
        - name: deployments
          emptyDir: {{}}
        - name: temporary
          emptyDir: {{}}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: {{app: {name}}}
  ports:
    - port: 80
      targetPort: {port}
"""
_README = """\
# {label} as an image

Trained on {dataset}; file SHA-256 {sha256}.

    docker build -t {name}:{tag} .
    docker run -p {port}:{port} -e MLSTEWARD_TOKEN=secret {name}:{tag}
    curl -H 'Authorization: Bearer secret' -H 'Content-Type: application/json' \\
      -d {example} http://127.0.0.1:{port}/predict

It speaks the Open Inference Protocol V2 (`/v2/health/live`, `/v2/health/ready`, `/v2/models/{name}/infer`) and
`POST /predict` with plain rows. Without Docker: `pip install -r requirements.txt`, then
`HOST=127.0.0.1 python start.py`. For Kubernetes: `kubectl apply -f kubernetes.yaml`, after the secret that its first
line makes.
"""


def write_docker(folder: Path, bundle: ModelBundle, model: bytes, about: Packaged) -> None:
    """Write the folder, which exists and is empty."""
    name, _, tag = about.label.replace(":", "-").partition("@")
    endpoint = name.replace("-", "_")
    copy_code(folder, ENDPOINT)
    workspace = folder / "workspace"
    workspace.mkdir()
    (workspace / MODEL).write_bytes(model)
    desired = Desired(
        deployment=endpoint,
        number=1,
        model=ServedModel(label=about.label, path=MODEL, sha256=about.sha256),
        host="0.0.0.0",
        port=PORT,
        # A pod is asked under its address, and everybody who is answered has a token.
        allowed_hosts=["*"],
        unlogged=about.secret,
    )
    (workspace / "desired.json").write_text(desired.model_dump_json(indent=1), encoding="utf-8")
    (workspace / DEPLOYMENTS).mkdir()
    (folder / "requirements.txt").write_text("\n".join(pinned(SERVING, bundle)) + "\n", encoding="utf-8")
    words = {"name": name.replace("_", "-"), "tag": tag or "1", "port": PORT}
    _write(folder / "Dockerfile", _DOCKERFILE.format(python=".".join(python_version().split(".")[:2]), **words))
    _write(folder / "start.py", _START.replace("{port}", str(PORT)))
    _write(folder / "kubernetes.yaml", _KUBERNETES.format(**words))
    # Whoever reads it may well run it, and values come from data.
    example = shlex.quote(json.dumps([example_row(bundle, about.secret)], ensure_ascii=False))
    about_words = {"label": about.label, "dataset": about.dataset, "sha256": about.sha256, "example": example}
    _write(folder / "README.md", _README.format(**about_words, **words))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
