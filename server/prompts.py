"""Two ways to begin, offered by hosts that show prompts."""

from typing import Annotated

from mcp.server.mcpserver import MCPServer
from pydantic import Field

from mlsteward.server.declare import Services


def train_a_first_model(
    data: Annotated[str, Field(description="A file, a registered dataset or sample:<name>.")],
    target: Annotated[str, Field(description="The column to predict, if known.")] = "",
) -> str:
    """Train a first model on my data."""
    goal = f"predict `{target}`" if target else "find out together with me which column to predict"
    return (
        f"Train a first model on {data}: {goal}. Register the data if it is not a dataset yet, look its columns up in "
        "the data dictionary and ask me about any whose meaning decides the outcome, above all columns that are known "
        "only after the moment of prediction. Then train, compare with the baselines, evaluate, explain what drives "
        "the predictions in the dictionary's words, and say plainly how far I can trust the result: the interval, "
        "the split, what was set aside."
    )


def find_out_what_changed(
    subject: Annotated[str, Field(description="A dataset, a model, or what looks wrong, in your words.")],
) -> str:
    """Find out what changed."""
    return (
        f"Something looks different: {subject}. Find out what changed. List the datasets and models concerned, check "
        "drift against the training data or the previous version (two windows of one table with since and until when "
        "there is one table), look the worst columns up in the data dictionary, and evaluate the model on the newest "
        "labelled rows. Tell apart: the data changed, the meaning of a column changed, the model was never that good, "
        "nothing changed. Give the evidence with its intervals and one recommended next step."
    )


def add_prompts(server: MCPServer[Services]) -> None:
    """Offer every prompt of this module on `server`; its title is the docstring."""
    for function in (train_a_first_model, find_out_what_changed):
        title = (function.__doc__ or "").rstrip(".")
        server.prompt(title=title, description=title)(function)
