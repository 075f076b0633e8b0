"""`mlsteward gc`: give up the rows of versions that nothing leads to, and files that nobody will look for."""

import argparse
import re
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from mlsteward.answer import counted
from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.runs.collect import Collection, collect, plan_collection
from mlsteward.runs.policy import workspace_policy
from mlsteward.server.command import Command
from mlsteward.server.passphrase import authorise
from mlsteward.workspace import Workspace

_AGE = re.compile(r"(\d+)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_SHOWN = 40


def gc(settings: Settings, *, delete: bool, keep: int, older_than: timedelta, approver: str = "") -> int:
    """Print what goes, or would go without `delete`, which an approver must allow where the policy says so."""
    if not (settings.workspace / "store.duckdb").exists():
        raise NotFound(f"The workspace {settings.workspace} has no store yet.")
    if keep < 1:
        raise InvalidArgument("--keep is at least 1: the newest version of a dataset always stays.")
    workspace = Workspace(settings)
    try:
        workspace.runs.take_in()
        if delete:
            if workspace_policy(workspace.folder).approval.wants("delete"):
                authorise(workspace, approver, "gc --delete")
            found = collect(
                workspace.store,
                workspace.folder,
                keep=keep,
                older_than=older_than,
                actor=workspace.user,
                client="mlsteward gc",
            )
        else:
            found = plan_collection(workspace.store, workspace.folder, keep=keep, older_than=older_than)
    finally:
        workspace.close()
    _print(found, deleted=delete)
    return 0


def _print(found: Collection, *, deleted: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    if found.versions:
        table = Table("version", "rows", "bytes", "registered")
        for one in found.versions[:_SHOWN]:
            table.add_row(one.label, f"{one.rows:,}", f"{one.bytes:,}", f"{one.created:%Y-%m-%d}")
        console.print(table)
        if len(found.versions) > _SHOWN:
            console.print(f"and {counted(len(found.versions) - _SHOWN, 'more version')}")
    if found.waiting_for:
        runs = ", ".join(f"run:{number}" for number in found.waiting_for)
        console.print(f"Snapshots stay while {runs} may use them; try again when it has ended.")
    verb = "Gave up" if deleted else "Would give up"
    console.print(
        f"{verb} the rows of {counted(len(found.versions), 'version')}, {counted(len(found.snapshots), 'snapshot')} and"
        f" {counted(len(found.leftovers), 'leftover')} of runs: {found.bytes:,} bytes."
        f" {counted(len(found.kept), 'version')} kept."
    )
    if not deleted and (found.versions or found.snapshots or found.leftovers):
        console.print("Nothing was changed; add --delete to do it.")


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text.strip().lower())
    if not found:
        raise argparse.ArgumentTypeError("write a number and h, d or w, as in 30d")
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


def _arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="show what would go and change nothing (the default)")
    what.add_argument("--delete", action="store_true", help="do it")
    parser.add_argument("--keep", type=int, default=3, metavar="N", help="newest versions of a dataset to keep (3)")
    parser.add_argument(
        "--older-than", type=_age, default=timedelta(days=30), metavar="AGE", help="only what is as old (30d)"
    )
    parser.add_argument("--as", dest="approver", metavar="NAME", default="", help="who allows it, if policy asks")


def _run(settings: Settings, given: argparse.Namespace) -> int:
    return gc(settings, delete=given.delete, keep=given.keep, older_than=given.older_than, approver=given.approver)


COMMAND = Command("gc", "give up rows that nothing needs any more; shows what would go first", _arguments, _run)
