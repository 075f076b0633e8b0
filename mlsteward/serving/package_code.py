"""What every package carries: this platform's code without its doors, and the versions that the model was made with.

So a package runs where mlsteward is not installed, with the code that trained its model. Only worker code imports this.
"""

import ast
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import mlsteward
from mlsteward.serving.model_file import TRUSTED
from mlsteward.training.bundle import ModelBundle

# What model files name, and no module imports.
_OF_MODELS = tuple({name.rpartition(".")[0] for name in TRUSTED if name.startswith("mlsteward.")})
_MODULE = re.compile(r"mlsteward(\.[a-z_]+)+")
SCORING = ("duckdb", "numpy", "pandas", "pydantic", "rapidfuzz", "scikit-learn", "scipy", "skops", "threadpoolctl")
SERVING = (*SCORING, "anyio", "filelock", "psutil", "pydantic-settings", "platformdirs", "starlette", "uvicorn")
_EXTRAS = ("lightgbm", "catboost")


def copy_code(target: Path, entry: str) -> None:
    """The modules of the package `mlsteward` that `entry` leads to, below `target`."""
    root = Path(mlsteward.__file__).parent
    for module in sorted(_reached([entry, *_OF_MODELS], root)):
        source = _file(module, root)
        copied = target / "mlsteward" / source.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copied)


def _reached(entries: Sequence[str], root: Path) -> set[str]:
    """The modules that importing `entries` may load, at once or later, and the packages that they lie in."""
    found: set[str] = set()
    pending = list(entries)
    while pending:
        module = pending.pop()
        if module in found or not _file(module, root).is_file():
            continue
        found.add(module)
        pending.append(module.rpartition(".")[0] or module)
        pending += _imports(_file(module, root))
    return found


def _imports(file: Path) -> list[str]:
    """The platform's modules that a file imports; what only type checkers read is not imported."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body.clear()
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mlsteward"):
            found += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("mlsteward")]
        elif isinstance(node, ast.Constant) and _MODULE.fullmatch(str(node.value)):
            # Processes that a module starts are named by text.
            found.append(str(node.value))
    return found


def _file(module: str, root: Path) -> Path:
    place = root.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def pinned(libraries: Iterable[str], bundle: ModelBundle) -> list[str]:
    """`library==version`, as they are installed here, with those that the model's own estimators come from."""
    used = {type(member.estimator).__module__.partition(".")[0] for member in bundle.members}
    names = [*libraries, *(name for name in _EXTRAS if name in used)]
    return [f"{name}=={version(name)}" for name in sorted(names)]


def python_version() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def example_row(bundle: ModelBundle, secret: Sequence[str]) -> dict[str, object]:
    """A row that the model takes, made of what its signature says: no row of any data, nothing of `secret` columns."""
    row: dict[str, object] = {}
    for column in bundle.signature:
        if column.name in secret:
            row[column.name] = None
        elif column.kind == "number":
            low, high = column.low or 0.0, column.high or 0.0
            row[column.name] = round((low + high) / 2, 6)
        elif column.kind == "boolean":
            row[column.name] = True
        elif column.kind == "time":
            row[column.name] = "2024-01-01T12:00:00"
        else:
            row[column.name] = column.levels[0] if column.levels else "text"
    return row
