from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

from models.telemetry import Later


def test_what_was_put_off_is_counted_once_and_in_order():
    later, made = Later(), []
    for number in range(3):
        later.put(lambda number=number: made.append(number))
    later.catch_up()
    later.catch_up()
    assert made == [0, 1, 2]


def test_who_catches_up_beside_another_sees_what_that_one_is_counting():
    later, made, begun, go_on = Later(), [], Event(), Event()

    def count() -> None:
        begun.set()
        go_on.wait()
        made.append(1)

    def look() -> list[int]:
        later.catch_up()
        return [*made]

    later.put(count)
    with ThreadPoolExecutor(2) as pool:
        counting = pool.submit(later.catch_up)
        begun.wait()
        looking = pool.submit(look)
        wait([looking], timeout=0.2)  # it would have looked by now, if it did not wait
        go_on.set()
        counting.result()
        assert looking.result() == [1]
