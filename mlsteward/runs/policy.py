"""The policy file of a workspace."""

from pathlib import Path

from mlsteward.gates.policy import DEFAULT_POLICY, Policy, read_policy

POLICY = "policy.toml"


def workspace_policy(folder: Path) -> Policy:
    """The policy in `policy.toml` of a workspace's folder, where the default is written when there is none.

    Raises InvalidArgument with every mistake in it.
    """
    file = folder / POLICY
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{POLICY}.part")
        partial.write_text(DEFAULT_POLICY.read_text(encoding="utf-8"), encoding="utf-8")
        partial.replace(file)
    return read_policy(file.read_text(encoding="utf-8"))
