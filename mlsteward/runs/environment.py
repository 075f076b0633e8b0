"""What a run was computed with: versions, and the code's own."""

import functools
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import mlsteward

PACKAGES = ("mlsteward", "scikit-learn", "numpy", "scipy", "pandas", "duckdb", "skops")
# On small data histogram boosting is many times slower with more, when the cores are busy.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)
# What every worker's environment has. Strings hash alike, so that no result depends on the order of a set.
SETTLED = {**_ONE_THREAD, "PYTHONHASHSEED": "0", "MPLBACKEND": "Agg"}


def package_versions() -> dict[str, str]:
    """The installed versions of what a result depends on."""
    versions: dict[str, str] = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


@functools.cache
def environment() -> dict[str, str]:
    """Python, platform, packages and, where mlsteward runs from its source, that source's commit."""
    found = {"python": platform.python_version(), "platform": platform.platform(), **package_versions()}
    commit = source_commit(Path(mlsteward.__file__).parent.parent)
    return found | ({"code": commit} if commit else {})


def source_commit(folder: Path) -> str:
    """The commit checked out in `folder`, with `-dirty` when files differ from it; "" when it is no repository.

    Only a repository of our own counts: an installed package may well lie inside somebody else's.
    """
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
