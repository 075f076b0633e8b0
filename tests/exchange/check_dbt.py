"""Holds what dbt's parser makes of the test project against `expected.json`; run where dbt is installed, alone.

`python check_dbt.py PROJECT [--write]`
"""

import json
import subprocess
import sys
from pathlib import Path


def tests_of(project: Path) -> list[dict[str, str]]:
    """The data tests in the project's manifest."""
    command = [str(Path(sys.executable).with_name("dbt")), "parse", "--project-dir", ".", "--profiles-dir", "."]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    nodes = json.loads((project / "target" / "manifest.json").read_text())["nodes"].values()
    found = [
        {
            "test": node["test_metadata"]["name"],
            "column": node["column_name"],
            "severity": node["config"]["severity"].upper(),
            "error_if": node["config"]["error_if"],
        }
        for node in nodes
        if node["resource_type"] == "test"
    ]
    return sorted(found, key=lambda one: (one["column"], one["test"]))


def main(project: Path, *, write: bool) -> None:
    expected = Path(__file__).parent / "dbt_project" / "expected.json"
    found = tests_of(project)
    if write:
        expected.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(expected.read_text()), found
    sys.stdout.write(f"exchange: dbt parses the same {len(found)} data tests\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), write="--write" in sys.argv)
