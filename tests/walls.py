"""What the first wall says to a statement that it refuses."""

import pytest

from mlsteward.data.sql.first_wall import FirstWall
from mlsteward.errors import InvalidSQL


def refused(wall: FirstWall, sql: str) -> InvalidSQL:
    with pytest.raises(InvalidSQL) as caught:
        wall.read(sql)
    return caught.value
