"""Read the results of the conformance suite: every check passes, or says itself that it needs a fixture tool.

The suite counts checks that it could not make as failures when a server lacks its diagnostic tools
(`test_missing_capability`), and marks them `untestable`.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main(folder: Path, scenarios: int) -> int:
    results = sorted(folder.glob("*/checks.json"))
    failed = 0
    for path in results:
        checks: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        untestable = [check for check in checks if check.get("details", {}).get("untestable")]
        failures = [check for check in checks if check["status"] == "FAILURE" and check not in untestable]
        passed = sum(check["status"] == "SUCCESS" for check in checks)
        print(f"{path.parent.name}: {passed} passed, {len(failures)} failed, {len(untestable)} need a fixture")  # noqa: T201 - the report
        for check in failures:
            print(f"  {check['name']}: {check.get('errorMessage', check['description'])}")  # noqa: T201 - the report
        failed += len(failures)
    if len(results) != scenarios:
        print(f"{len(results)} scenarios gave results, {scenarios} were asked for")  # noqa: T201 - the report
    return int(failed > 0 or len(results) != scenarios)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
