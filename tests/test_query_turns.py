"""Turns at the query processes: first come, first served."""

import threading

from mlsteward.data.query_pool import Turns
from tests.run_server import eventually


def test_turns_are_served_in_the_order_of_arrival() -> None:
    turns = Turns(1)
    assert turns.wait(0)
    served: list[int] = []

    def caller(number: int) -> None:
        assert turns.wait(30)
        served.append(number)
        turns.end()

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(20)]
    for waiting, thread in enumerate(threads, start=1):
        thread.start()
        eventually(lambda expected=waiting: turns.waiting == expected)
    turns.end()
    for thread in threads:
        thread.join()
    assert served == [*range(20)]


def test_who_gives_up_waiting_does_not_use_up_a_turn() -> None:
    turns = Turns(1)
    assert turns.wait(0)
    assert not turns.wait(0.01)
    assert turns.waiting == 0
    turns.end()
    assert turns.wait(0)
