"""The base of the models that are stored, handed between processes and shown."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A pydantic model whose validators are built at first use: a server that starts has use for none."""

    model_config = ConfigDict(defer_build=True)
