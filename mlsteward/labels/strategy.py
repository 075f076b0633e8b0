"""How rows to label can be chosen."""

from typing import Literal

Strategy = Literal["auto", "diverse", "uncertainty", "coverage", "random"]
