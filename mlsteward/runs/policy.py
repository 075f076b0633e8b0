"""The policy file of a workspace."""

import os
from contextlib import suppress
from pathlib import Path

from mlsteward.errors import InvalidArgument
from mlsteward.gates.policy import DEFAULT_POLICY, Policy, read_policy

POLICY = "policy.toml"


def workspace_policy(folder: Path) -> Policy:
    """The policy in `policy.toml` of a workspace's folder, where the default is written when there is none.

    Raises InvalidArgument with every mistake in it.
    """
    try:
        return read_policy(policy_text(folder))
    except InvalidArgument as error:
        words = f"{POLICY} of the workspace cannot be used, so nothing is decided by it. {error.message}"
        raise InvalidArgument(words, next='read_page(uri="mlsteward://policy")') from error


def policy_text(folder: Path) -> str:
    """The file as it stands."""
    file = folder / POLICY
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, and never over one that somebody has written meanwhile.
        partial = file.with_name(f"{POLICY}.{os.getpid()}.part")
        partial.write_text(DEFAULT_POLICY.read_text(encoding="utf-8"), encoding="utf-8")
        with suppress(FileExistsError):
            file.hardlink_to(partial)
        partial.unlink()
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{POLICY} is no text in UTF-8.") from error
