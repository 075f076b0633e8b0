"""`mlsteward upload FILE --server URL`: a file that lies with the caller goes to the server's workspace."""

import argparse
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from rich.progress import wrap_file

from mlsteward.config import Settings
from mlsteward.errors import NotFound, Refused
from mlsteward.names import suggest_name
from mlsteward.server.command import Command


def upload(file: str, server: str, token: str) -> int:
    path = Path(file).expanduser()
    if not path.is_file():
        raise NotFound(f"There is no file {file}.")
    token = token or os.environ.get("MLSTEWARD_TOKEN", "")
    base = server.rstrip("/").removesuffix("/mcp")
    size = path.stat().st_size
    with path.open("rb") as raw, wrap_file(raw, total=size, description=path.name) as body:
        request = urllib.request.Request(
            f"{base}/uploads/{urllib.parse.quote(path.name)}",
            data=body,
            method="PUT",
            headers={"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            | ({"Authorization": f"Bearer {token}"} if token else {}),
        )
        try:
            with urllib.request.urlopen(request) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                why = "does not know this token" if token else "asks for a token"
                raise Refused(f"{base} {why}: give one with write scope by --token or MLSTEWARD_TOKEN.") from error
            raise Refused(f"{base} answered {error.code}: {error.read(2000).decode(errors='replace')}") from error
        except urllib.error.URLError as error:
            raise NotFound(f"{base} cannot be reached: {error.reason}. Is `mlsteward http` running there?") from error
    call = f'register_dataset(name="{suggest_name(path.stem)}", source="{answer["source"]}")'
    sys.stdout.write(f"{path.name} is there ({answer['bytes']} bytes). Ask your assistant to call\n  {call}\n")
    return 0


def arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("file")
    parser.add_argument("--server", required=True, metavar="URL", help="for example http://127.0.0.1:8321")
    parser.add_argument("--token", default="", help="else MLSTEWARD_TOKEN in the environment")


def run(_: Settings, given: argparse.Namespace) -> int:
    return upload(given.file, given.server, given.token)


COMMAND = Command("upload", "send a file to a server's workspace", arguments, run)
