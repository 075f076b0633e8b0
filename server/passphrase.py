"""Passphrases of approvers: asked for in a terminal, and nowhere else."""

import getpass
from pathlib import Path

from mlsteward.errors import InvalidArgument, NotFound, Refused
from mlsteward.server.command import remember
from mlsteward.store.approvers import check_not_locked, find_approver, list_approvers, passphrase_is_right
from mlsteward.workspace import Workspace

_TERMINAL = Path("/dev/tty")


def ask_passphrase(prompt: str) -> str:
    """What is typed, unseen, in the terminal; neither a pipe nor the environment can stand in for it."""
    try:
        with _TERMINAL.open("rb+", buffering=0) as terminal:
            if terminal.isatty():
                return getpass.getpass(prompt)
    except OSError as error:
        raise Refused("A passphrase is typed in a terminal, and this command has none.") from error
    raise Refused("A passphrase is typed in a terminal, and this command has none.")


def new_passphrase(name: str) -> str:
    first = ask_passphrase(f"New passphrase for {name}: ")
    if first != ask_passphrase("The same again: "):
        raise InvalidArgument("The two were not the same; nothing was changed.")
    return first


def authorise(workspace: Workspace, name: str, what: str) -> str:
    """The name of the approver (`name`, or the only one there is) who has typed the right passphrase.

    Raises Refused for a wrong one, which is counted and stands in the audit log, and while the approver is locked.
    """
    chosen = name or _only(workspace)
    approver = workspace.store.read(lambda t: find_approver(t, chosen))
    check_not_locked(approver)
    typed = ask_passphrase(f"Passphrase of {approver.name}: ")
    if not workspace.store.write(lambda t: passphrase_is_right(t, approver.name, typed)):
        remember(workspace, "wrong passphrase", f"approver:{approver.name}", what)
        raise Refused(f"That is not the passphrase of {approver.name}; nothing was changed.")
    return approver.name


def _only(workspace: Workspace) -> str:
    names = [approver.name for approver in workspace.store.read(list_approvers)]
    if len(names) > 1:
        raise NotFound(f"Say who approves, with --as: {', '.join(names)}.")
    return names[0] if names else ""
