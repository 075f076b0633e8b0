"""The house as it is built: who imports whom, how long a file is, what a server process holds."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"mlsteward": ROOT / "mlsteward"} | {
    f"mlsteward.{name}": ROOT / name for name in ("server", "tools", "resources")
}
BASE = {"errors", "config", "names", "answer", "record"}
PURE = {
    "contracts",
    "data",
    "dictionary",
    "drift",
    "evaluation",
    "exchange",
    "gates",
    "health",
    "labels",
    "lineage",
    "monitoring",
    "pipeline",
    "training",
}
PLATFORM = {"store", "runs", "serving", "workspace"}
FACE = {"tools", "resources"}
DOORS = {"server", "__main__"}
REACH: dict[frozenset[str], set[str]] = {
    frozenset(BASE): BASE,
    frozenset(PURE): BASE | PURE,
    frozenset(PLATFORM): BASE | PURE | PLATFORM,
    frozenset(FACE): BASE | PURE | PLATFORM | FACE,
    frozenset(DOORS): BASE | PURE | PLATFORM | FACE | DOORS,
}
HEAVY = {"duckdb", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "skops", "pyarrow"}


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            relative = path.relative_to(folder)
            linked = relative.parts[0] in ("server", "tools", "resources")
            if package == "mlsteward" and linked:
                continue
            dotted = ".".join((package, *relative.with_suffix("").parts)).removesuffix(".__init__")
            yield dotted, path


def imports(path: Path, *, of: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{of} imports relatively"
            yield node.module or ""


MODULES = list(modules())


@pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_data_flows_one_way_through_the_layers(name: str, path: Path) -> None:
    layer = name.split(".")[1] if "." in name else ""
    for imported in imports(path, of=name):
        parts = imported.split(".")
        assert parts[0] not in ("server", "tools", "resources"), f"{name} imports the top-level name {imported}"
        if parts[0] == "mlsteward" and len(parts) > 1 and layer:
            declares = imported == "mlsteward.server.declare" and layer in FACE
            allowed = next(reach for layers, reach in REACH.items() if layer in layers)
            assert declares or parts[1] in allowed, f"{name} imports {imported}"
        if layer not in FACE | DOORS:
            assert parts[0] not in ("mcp", "mcp_types"), f"{name} imports {imported}"


@pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_a_file_stays_under_300_lines_and_packages_hold_no_code(name: str, path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) < 300, f"{name} has {len(lines)} lines: find the second noun in it"
    if path.name == "__init__.py":
        body = ast.parse("\n".join(lines)).body
        assert all(isinstance(node, ast.Expr) for node in body), f"{name} holds code"


def test_every_library_that_is_imported_is_declared_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    declared = {re.split(r"[<>=~\[ ]", line)[0] for line in wanted}
    explained = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert not [name for name in declared if name not in explained]
    found = {imported.split(".")[0] for name, path in MODULES for imported in imports(path, of=name)}
    by_package = packages_distributions()
    for library in found - sys.stdlib_module_names - {"mlsteward"}:
        names = {name.lower() for name in by_package.get(library, [library])}
        assert names & declared, f"{library} is imported and not declared"


def test_tools_and_pages_do_not_import_one_another() -> None:
    for name, path in MODULES:
        layer = name.split(".")[1] if "." in name else ""
        if layer in FACE:
            siblings = [found for found in imports(path, of=name) if found.startswith(f"mlsteward.{layer}.")]
            assert not siblings, f"{name} imports {siblings}"


def test_a_server_process_holds_no_library_for_data_or_learning() -> None:
    script = f"""
import sys
from pathlib import Path
from mlsteward.config import Settings
from mlsteward.server.app import Steward
from mlsteward.workspace import Workspace
Steward(Workspace(Settings(workspace=Path("never-made"))))
print(sorted(set({sorted(HEAVY)!r}) & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_tool_file_is_named_after_its_function_and_stays_a_recipe() -> None:
    for name, path in MODULES:
        if name.startswith("mlsteward.tools."):
            tree = ast.parse(path.read_text("utf-8"))
            functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert path.stem in functions, f"{name} has no function {path.stem}"
            length = (functions[path.stem].end_lineno or 0) - functions[path.stem].lineno
            assert length <= 80, f"{name} is {length} lines long: something in it belongs in the platform"
