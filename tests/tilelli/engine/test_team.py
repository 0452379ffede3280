import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import MakeModel
from tests.tilelli.engine.conftest import IDS
from tests.tilelli.engine.test_compiled import Kernel, both
from tilelli.engine import compiled, helpers, team
from tilelli.engine.arrays import Compiled
from tilelli.engine.helpers import Team, board
from tilelli.sampling import Sampling

F = np.float32
MODELS: list[dict[str, Any]] = [{"d_model": 96, "expand": 4.0}, {"d_model": 96, "expand": 4.0, "activation_bits": 8}]


def until(what: Any) -> None:
    """Wait until it is so; a helper needs a moment to wake up."""
    for _ in range(2000):
        if what():
            return
        time.sleep(0.005)
    raise AssertionError("it never came true")


def laid_out(jobs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A product of floats that lies open on a board: its outputs, and what they should be."""
    w, x, y = np.arange(12, dtype=F).reshape(3, 4), np.ones((1, 3), F), np.zeros((1, 4), F)
    team.deal(jobs, team.FLOATS, w, x, y, 0)
    expected = y.copy()
    y[:] = 0
    jobs[team.NEXT], jobs[team.OPEN] = 0, 5
    laid_out.kept = (w, x)  # type: ignore[attr-defined]  # the board holds addresses only
    return y, expected


def test_who_leads_alone_does_all_of_it() -> None:
    jobs = board()
    _, expected = laid_out(jobs)
    assert expected.tolist() == [[12, 15, 18, 21]]
    assert jobs.ctypes.data % 64 == 0


def test_a_helper_does_what_lies_open_and_leaves_when_nothing_comes() -> None:
    jobs = board()
    y, expected = laid_out(jobs)
    team.assist(jobs, 3)
    np.testing.assert_array_equal(y, expected)
    assert (jobs[team.INSIDE], jobs[team.AWAKE]) == (0, 0)


def test_a_helper_touches_nothing_that_is_closed_or_taken() -> None:
    for place, number in ((team.OPEN, 0), (team.NEXT, 64)):
        jobs = board()
        y, _ = laid_out(jobs)
        jobs[place] = number
        team.assist(jobs, 3)
        assert not y.any()


@pytest.mark.parametrize("shape", MODELS, ids=str)
@pytest.mark.parametrize("threads", [2, 3])
def test_several_threads_say_to_the_last_bit_what_one_says(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel, shape: dict[str, Any], threads: int
) -> None:
    _, alone = both(tiny(**shape), tmp_path)
    together = replace(alone, threads=threads)
    jobs = helpers.team(threads)._board
    jobs[team.LEAST] = 0  # however small

    def helped(ids: list[int]) -> bool:
        expected, before = compiled.read(alone, ids)[0], int(jobs[team.NUMBER])
        for _ in range(200):  # the first of them wakes the helpers, which takes some milliseconds on a busy machine
            found = compiled.read(together, ids)[0]
            np.testing.assert_array_equal(found.logits, expected.logits)
            np.testing.assert_array_equal(found.pathways, expected.pathways)
        return bool(jobs[team.NUMBER] > before)

    for length in (1, 3, 16):
        until(lambda length=length: helped(IDS[:length]))
    until(lambda: jobs[team.AWAKE] == 0)
    jobs[team.LEAST] = helpers.WORTH


def test_conversations_at_once_share_one_team_and_do_not_mix(
    tiny: MakeModel, tmp_path: Path, machine_code: Kernel
) -> None:
    alone = both(tiny(context=100, activation_bits=8), tmp_path)[1]
    together = replace(alone, threads=2)

    def talk(model: Compiled, seed: int) -> list[Any]:
        sampling = Sampling(max_new=150, temperature=1, seed=seed, stop_at_end=False)
        return list(compiled.stream(model, IDS[seed:], sampling))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda seed: talk(together, seed), range(4))) == [talk(alone, seed) for seed in range(4)]


def test_a_team_is_lent_to_one_at_a_time_and_called_when_it_is() -> None:
    called = threading.Semaphore(0)
    crew, own = Team(2, lambda jobs, patience: called.release()), board()
    with crew.lent(own) as first:
        with crew.lent(own) as second:
            assert second is own
        assert first is not own
        assert all(called.acquire(timeout=10) for _ in range(2))
    with crew.lent(own) as third:
        assert third is first


def test_a_small_job_is_done_alone_although_helpers_are_awake() -> None:
    jobs = board()
    jobs[team.AWAKE], jobs[team.LEAST] = 1, 13
    w, x, y = np.ones((3, 4), F), np.ones((1, 3), F), np.zeros((1, 4), F)
    team.deal(jobs, team.FLOATS, w, x, y, 0)
    assert (jobs[team.NUMBER], y.tolist()) == (0, [[3, 3, 3, 3]])
    jobs[team.LEAST] = 12
    team.deal(jobs, team.FLOATS, w, x, y, 0)
    assert (jobs[team.NUMBER], y.tolist()) == (1, [[6, 6, 6, 6]])
