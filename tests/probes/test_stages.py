"""Reading and writing batch by batch is the same as one by one, and nothing that is kept is made again."""

import numpy as np
import pytest

from probes.stages import Bench, Cost, Start, costs, parts, staged, write_on
from probes.store.keeper import Keeper, keeping
from probes.store.sheet import Sheet
from tests.conftest import TEXT, MakeModel
from tilelli.base import ByteLM
from tilelli.evaluation import Window, cut, surprise
from tilelli.generation import Sampling, stream

TEXTS = [TEXT[:40].encode(), b"x", TEXT[10:33].encode(), b"\xff\x00 y"]


def test_costs_are_those_of_each_text_alone(model: ByteLM) -> None:
    for text, cost in zip(TEXTS, costs(model, TEXTS), strict=True):
        np.testing.assert_allclose(cost.bits, surprise(model, text), rtol=1e-5)


def test_parts_of_windows_come_in_the_order_of_the_windows(model: ByteLM) -> None:
    windows = [Window(0, 8, 12, 24), Window(2, 0, 0, 5), Window(0, 0, 0, 16)]
    found = parts(model, TEXTS, windows)
    assert [len(cost.bits) for cost in found] == [12, 5, 16]
    whole = dict(zip(cut(TEXTS[:1], 16), parts(model, TEXTS, cut(TEXTS[:1], 16)), strict=True))
    np.testing.assert_allclose(found[2].bits, whole[Window(0, 0, 0, 16)].bits, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_what_is_written_side_by_side_is_what_is_written_alone(model: ByteLM, temperature: float) -> None:
    starts = [Start(prompt, temperature, seed) for seed, prompt in enumerate((b"", b"The", b"cat", b"and the dog"))]
    for start, found in zip(starts, write_on(model, starts, 40), strict=True):
        sampling = Sampling(max_new=40, temperature=temperature, seed=start.seed)
        alone = list(stream(model, list(start.prompt), sampling))
        assert found.document == bytes(step.byte for step in alone)
        expected = -np.log2([step.probability for step in alone])
        np.testing.assert_allclose(found.bits[: len(alone)], expected, rtol=1e-4, atol=1e-5)


def test_rows_that_are_known_are_not_made_again() -> None:
    asked: list[int] = []
    added: dict[int, Cost] = {}

    def make(numbers: range) -> list[Cost]:
        asked.extend(numbers)
        return [Cost([float(number)]) for number in numbers]

    known = {number: Cost([float(number)]) for number in (0, 1, 2, 4)}
    rows = staged(Sheet(known, added.update), 7, make, size=3)
    assert [row.bits for row in rows] == [[float(number)] for number in range(7)]
    assert (asked, list(added)) == ([3, 4, 5, 6], [3, 4, 5, 6])


def test_a_bench_finds_its_rows_again_and_only_its_own(tiny: MakeModel) -> None:
    with keeping() as keeper:
        first = Bench("p", tiny(), None, {"a": 1}, 0, keeper)
        bits = first.read("reading", TEXTS)
        assert len(first.sheet("reading", Cost).known) == len(TEXTS)
        for other in (
            Bench("p", tiny(), None, {"a": 2}, 0, keeper),
            Bench("p", tiny(seed=1), None, {"a": 1}, 0, keeper),
        ):
            assert not other.sheet("reading", Cost).known
        again = Bench("p", tiny(), None, {"a": 1}, 0, keeper).read("reading", TEXTS)
        forgetful = Bench("p", tiny(), None, {"a": 1}, 0, Keeper(wanted=False)).read("reading", TEXTS)
        assert all(
            np.array_equal(a, b) and np.array_equal(a, c) for a, b, c in zip(bits, again, forgetful, strict=True)
        )
