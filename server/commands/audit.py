"""`mlsteward audit head|verify|export`: the audit log, held against what was noted down elsewhere."""

import argparse
import json
import sys
from pathlib import Path

from mlsteward.answer import counted
from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.server.command import Command, remember
from mlsteward.store.activity import head_of
from mlsteward.store.activity_chain import Head, check_chain, export_rows
from mlsteward.workspace import Workspace


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser(
        "head", parents=[common], help="print the last row's number and hash, to be noted down elsewhere"
    )
    verify = actions.add_parser("verify", parents=[common], help="check every row against the one before it")
    verify.add_argument("--head", default="", metavar="NUMBER:HASH", help="a head noted down earlier")
    export = actions.add_parser("export", parents=[common], help="write every row as a line of JSON")
    export.add_argument("file")


def run(settings: Settings, given: argparse.Namespace) -> int:
    if not (settings.workspace / "store.duckdb").exists():
        raise NotFound(f"The workspace {settings.workspace} has no store yet.")
    workspace = Workspace(settings)
    try:
        if given.action == "head":
            sys.stdout.write(f"{Head(*workspace.store.read(head_of))}\n")
            return 0
        return _verify(workspace, given.head) if given.action == "verify" else _export(workspace, given.file)
    finally:
        workspace.close()


def _verify(workspace: Workspace, noted: str) -> int:
    report = check_chain(workspace.store, _read_head(noted) if noted else None)
    if report.broken:
        sys.stdout.write(f"The audit log is not as it was written: {report.broken}.\n")
        return 1
    kept = ", and it still has the head that was noted down" if noted else ""
    sys.stdout.write(f"The audit log is whole: {counted(report.head.number, 'change')}, head {report.head}{kept}.\n")
    return 0


def _export(workspace: Workspace, file: str) -> int:
    target = Path(file).expanduser().resolve()
    if target.exists():
        raise InvalidArgument(f"{target} exists already; name a file that does not.")
    with target.open("w", encoding="utf-8") as lines:
        count = 0
        for row in export_rows(workspace.store):
            row["created"] = row["created"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            lines.write(json.dumps(row) + "\n")
            count += 1
    remember(workspace, "audit export", "store", f"to {target}")
    sys.stdout.write(f"{counted(count, 'change')} written to {target}.\n")
    return 0


def _read_head(text: str) -> Head:
    number, colon, digest = text.strip().partition(":")
    if not (number.isdigit() and colon and digest):
        raise InvalidArgument(f"{text!r} is no head: it is NUMBER:HASH, as `mlsteward audit head` prints it.")
    return Head(int(number), digest)


COMMAND = Command("audit", "verify or export the audit log, or print its head", arguments, run)
