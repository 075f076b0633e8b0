"""Who asks for something to be done."""

from pydantic import BaseModel, ConfigDict


class Actor(BaseModel):
    """`name` is that of the token, or of the user who started the server; `client` is the program that called."""

    model_config = ConfigDict(frozen=True)

    name: str
    client: str = ""
