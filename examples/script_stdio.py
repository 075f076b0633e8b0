"""Train, compare and explain from a script: the server is started by the client, over stdio.

Run: uv run python examples/script_stdio.py
"""

import sys
import tempfile
from typing import Any

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import TextContent


async def main() -> None:
    with tempfile.TemporaryDirectory() as workspace:
        server = StdioServerParameters(command=sys.executable, args=["-P", "-m", "mlsteward", "--workspace", workspace])
        async with Client(stdio_client(server)) as client:
            await show(client, "register_dataset", name="tumours", source="sample:breast_cancer")
            await show(client, "lookup_data_dictionary", dataset="tumours")
            await show(client, "train_model", dataset="tumours", target="diagnosis", estimator="logistic_regression")
            await show(
                client, "train_model", dataset="tumours", target="diagnosis", estimator="extra_trees", name="tumour"
            )
            await show(client, "compare_runs", last=2)
            await show(client, "explain_model", model="tumour")


async def show(client: Client, tool: str, **arguments: Any) -> None:
    result = await client.call_tool(tool, arguments)
    print(f"\n> {tool}", *(part.text for part in result.content if isinstance(part, TextContent)), sep="\n")
    if result.is_error:
        sys.exit(1)


if __name__ == "__main__":
    anyio.run(main)
