"""The same server over HTTP, for a team: start `mlsteward http`, then run this with its address.

Run: uv run python examples/script_http.py http://127.0.0.1:8321/mcp [TOKEN]
"""

import sys

import anyio
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

TABLE = "size_m2,rooms,price\n" + "\n".join(f"{40 + 3 * n},{1 + n % 4},{90_000 + 4_100 * n}" for n in range(200))


async def main(url: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        for tool, arguments in (
            ("register_dataset", {"name": "flats", "content": TABLE}),
            ("train_model", {"dataset": "flats", "target": "price", "estimator": "ridge", "name": "flat_price"}),
            ("predict_rows", {"model": "flat_price", "rows": [{"size_m2": 75, "rooms": 3}]}),
        ):
            result = await client.call_tool(tool, arguments)
            print(f"\n> {tool}", *(part.text for part in result.content if isinstance(part, TextContent)), sep="\n")
            if result.is_error:
                sys.exit(1)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
