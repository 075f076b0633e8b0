"""Who asks for something to be done."""

from pydantic import ConfigDict

from mlsteward.dictionary.sensitivity import FULL, Level
from mlsteward.record import Record


class Actor(Record):
    """`name` is that of the token, or of the user who started the server; `client` is the program that called.

    `may_write` is false for a token whose scope is `read`, `may_approve` for one whose scope is not `admin`; columns
    above `clearance` are masked.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    client: str = ""
    may_write: bool = True
    may_approve: bool = True
    clearance: Level = FULL
