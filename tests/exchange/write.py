"""Writes a dataset and its Croissant document into a folder, for the official reader to check.

`python -m tests.exchange.write FOLDER`
"""

import sys
from pathlib import Path

from mlsteward.config import Settings
from mlsteward.server.commands.checkout import checkout
from mlsteward.server.commands.export import export
from mlsteward.workspace import Workspace
from tests.exchange_sheets import add_documented


def main(folder: Path) -> None:
    settings = Settings(workspace=folder / "workspace", data=[folder])
    workspace = Workspace(settings)
    add_documented(workspace, checks=["unique(flight_id)", "nulls(flight_id) = 0"])
    workspace.close()
    export(settings, "croissant", "flights", str(folder / "croissant.json"))
    checkout(settings, "flights", str(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
