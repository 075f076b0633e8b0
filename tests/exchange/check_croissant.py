"""Reads an exported Croissant document with MLCommons' own library; run where that is installed, alone.

`python check_croissant.py FOLDER`
"""

# pyright: basic, reportMissingImports=false
# The library lives in an environment of its own, so its types are not known here.
import sys
from importlib.metadata import version
from pathlib import Path

import mlcroissant


def main(folder: Path) -> None:
    dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    issues = [*dataset.metadata.ctx.issues.errors, *dataset.metadata.ctx.issues.warnings]
    assert not dataset.metadata.ctx.issues.errors, issues
    records = list(dataset.records("flights"))
    assert len(records) == 200, len(records)
    first = {name.rpartition("/")[2]: value for name, value in records[0].items()}
    assert set(first) == {"flight_id", "carrier", "dep_delay", "time_hour", "day", "late", "tail_num"}, first
    assert (first["flight_id"], first["carrier"]) == (0, b"UA"), first
    sys.stdout.write(
        f"exchange: mlcroissant {version('mlcroissant')} reads {len(records)} records; {len(issues)} remarks\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
