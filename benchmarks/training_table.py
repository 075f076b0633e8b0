"""The table that benchmarks of training train on, and a call whose answer they need."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mcp.client import Client


def write_table(path: Path, rows: int) -> None:
    """Twelve normal columns, and a class that two of them decide together with noise."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(rows, 12)), columns=[f"x{number}" for number in range(12)])
    table["late"] = np.where(table["x0"] + table["x1"] * table["x2"] + random.normal(size=rows) > 0, "yes", "no")
    table.to_csv(path, index=False)


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content
