import threading
from collections.abc import Callable, Iterator

import pytest

from app.jobs import Job
from tilelli.errors import InputError


def counting(limit: int) -> Callable[[Callable[[], bool]], Iterator[int]]:
    def work(should_stop: Callable[[], bool]) -> Iterator[int]:
        for number in range(limit):
            if should_stop():
                return
            yield number

    return work


def test_a_job_keeps_every_item_in_order() -> None:
    job = Job(counting(100))
    assert job.wait() == list(range(100))
    assert not job.running
    assert not job.stopped
    assert job.error is None


def test_stop_ends_endless_work_and_keeps_what_came() -> None:
    job = Job(counting(10**12))
    while len(job.items()) < 3:
        pass
    job.stop()
    kept = job.wait()
    assert kept == list(range(len(kept)))
    assert job.stopped


def test_items_are_a_copy() -> None:
    job = Job(counting(3))
    job.wait()
    job.items().clear()
    assert job.items() == [0, 1, 2]


def test_an_expected_error_becomes_its_sentence() -> None:
    def work(should_stop: Callable[[], bool]) -> Iterator[int]:
        yield 1
        raise InputError("It broke", "a crack", "Mend it.")

    job = Job(work)
    assert job.wait() == [1]
    assert job.error == "It broke: a crack. Mend it."


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unexpected_error_does_not_show_its_inside() -> None:
    def work(should_stop: Callable[[], bool]) -> Iterator[int]:
        yield 1
        raise RuntimeError("secret")

    job = Job(work)
    job.wait()
    assert job.error is not None
    assert "RuntimeError" in job.error
    assert "secret" not in job.error


def test_jobs_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)

    def work(should_stop: Callable[[], bool]) -> Iterator[int]:
        yield both.wait()

    first, second = Job(work), Job(work)
    assert sorted(first.wait() + second.wait()) == [0, 1]
