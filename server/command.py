"""How a command of the command line is declared: one module of `server/commands/`, closing with its COMMAND."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mlsteward.config import Settings
from mlsteward.store.activity import add_activity
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

T = TypeVar("T")
# The client that the audit log names for commands.
TERMINAL = "mlsteward command line"
Arguments = Callable[[argparse.ArgumentParser, argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Command:
    """`mlsteward NAME`: `run` gives the exit code and raises StewardErrors.

    `arguments(parser, common)` adds the command's own; parsers below it take `parents=[common]`.
    """

    name: str
    help: str
    arguments: Arguments
    run: Callable[[Settings, argparse.Namespace], int]


def remember(workspace: Workspace, action: str, asset: str, why: str = "") -> None:
    """Leave a row in the audit log of what a person did in a terminal."""
    change(workspace, lambda _: None, action=action, asset=asset, why=why)


def change(workspace: Workspace, work: Callable[[Transaction], T], *, action: str, asset: str, why: str = "") -> T:
    """Write to the store and to the audit log in one transaction."""

    def both(t: Transaction) -> T:
        result = work(t)
        add_activity(t, actor=workspace.user, client=TERMINAL, action=action, asset=asset, why=why)
        return result

    return workspace.store.write(both)
