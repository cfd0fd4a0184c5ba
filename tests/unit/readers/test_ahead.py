import threading
from itertools import islice

import pytest

from models.readers.ahead import Ahead, Rows


def test_blocks_come_in_order_to_the_end():
    with Ahead(Rows(range(8)), lambda rows: [*islice(rows, 3)]) as blocks:
        assert list(blocks) == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_the_next_block_is_made_while_one_is_in_hand():
    made = threading.Semaphore(0)

    def block(rows: Rows[int]) -> list[int]:
        found = [next(rows)]
        made.release()
        return found

    with Ahead(Rows(range(100)), block) as blocks:
        assert next(iter(blocks)) == [0]
        assert made.acquire(timeout=60)
        assert made.acquire(timeout=60), "the second one was made though nobody has asked for it"


def test_what_was_made_too_much_comes_again():
    rows = Rows(range(8))
    with pytest.raises(KeyError), Ahead(rows, lambda found: [*islice(found, 2)]) as blocks:
        raise KeyError(*next(iter(blocks)))
    assert list(rows) == [2, 3, 4, 5, 6, 7]


def test_a_fault_in_the_making_is_raised_where_the_block_is_wanted():
    def block(rows: Rows[int]) -> list[int]:
        first = next(rows)
        return [first] if first < 1 else [first // 0]

    with Ahead(Rows(range(8)), block) as blocks:
        wanted = iter(blocks)
        assert next(wanted) == [0]
        with pytest.raises(ZeroDivisionError):
            next(wanted)
