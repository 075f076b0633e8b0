"""What every package carries: this platform's code without its doors, and the versions that the model was made with.

So a package runs where mlsteward is not installed, with the code that trained its model. Only worker code imports this.
"""

import hashlib
import shutil
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import mlsteward
from mlsteward.training.bundle import ModelBundle

# The face and the doors, which serve assistants, are no part of what serves a model.
_LEFT_OUT = ("server", "tools", "resources", "__pycache__", "__main__.py", "migrations")
SCORING = ("duckdb", "numpy", "pandas", "pydantic", "rapidfuzz", "scikit-learn", "scipy", "skops", "threadpoolctl")
SERVING = (*SCORING, "anyio", "filelock", "psutil", "pydantic-settings", "platformdirs", "starlette", "uvicorn")
_EXTRAS = ("lightgbm", "catboost")


def copy_code(target: Path) -> None:
    """The package `mlsteward` below `target`."""
    source = Path(mlsteward.__file__).parent
    shutil.copytree(source, target / "mlsteward", ignore=shutil.ignore_patterns(*_LEFT_OUT))


def pinned(libraries: Iterable[str], bundle: ModelBundle) -> list[str]:
    """`library==version`, as they are installed here, with those that the model's own estimators come from."""
    used = {type(member.estimator).__module__.partition(".")[0] for member in bundle.members}
    names = [*libraries, *(name for name in _EXTRAS if name in used)]
    return [f"{name}=={version(name)}" for name in sorted(names)]


def python_version() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def example_row(bundle: ModelBundle) -> dict[str, object]:
    """A row that the model takes, made of what its signature says: no row of any data."""
    row: dict[str, object] = {}
    for column in bundle.signature:
        if column.kind == "number":
            row[column.name] = round((column.low + column.high) / 2, 6) if _bounded(column.low, column.high) else 0.0
        elif column.kind == "boolean":
            row[column.name] = True
        elif column.kind == "time":
            row[column.name] = "2024-01-01T12:00:00"
        else:
            row[column.name] = column.levels[0] if column.levels else "text"
    return row


def _bounded(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None


def listing(folder: Path) -> list[tuple[str, str]]:
    """Each file of a package and its SHA-256, by path."""
    files: Sequence[Path] = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
