"""The page `mlsteward://policy`."""

from mlsteward.errors import InvalidArgument
from mlsteward.runs.policy import policy_text, workspace_policy
from mlsteward.server.declare import Page
from mlsteward.workspace import Workspace


def policy_page(workspace: Workspace) -> str:
    """The policy in force: what a model must show before it is promoted, and what a person must allow."""
    try:
        workspace_policy(workspace.folder)
        said = "It holds at the next promotion."
    except InvalidArgument as error:
        said = f"**Nothing can be promoted until it is mended.** {error.said()}"
    text = policy_text(workspace.folder)
    return "\n".join(["# Policy of this workspace", "", said, "", "```toml", text.rstrip(), "```", ""])


PAGES = [Page("mlsteward://policy", policy_page, title="The policy of the workspace")]
