"""A name planted some bytes back: the texts, and what is read out of what they cost."""

import math

import numpy as np
import pytest

from probes import planted
from probes.metrics import Measured
from probes.planted import NAMES, PART, SIZE, figures, gains, plant
from probes.registry import CONTEXT, CONTEXT_QUICK
from probes.stages import Bench, Floats
from probes.store.keeper import Keeper
from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.evaluation import Window


def bench(model: ByteLM) -> Bench:
    return Bench("context", model, None, {}, 0, Keeper(wanted=False))


def test_the_distance_is_from_name_to_name_at_every_distance_that_is_asked() -> None:
    assert set(CONTEXT_QUICK["distances"]) <= set(CONTEXT["distances"])  # type: ignore[arg-type,call-overload]
    for row in plant(CONTEXT["distances"], 3, seed=1):
        name, asked = NAMES[row.pair][row.planted].encode(), NAMES[row.pair][row.asked].encode()
        assert len(row.text) - SIZE - row.text.index(name) == row.distance
        assert row.text.endswith(b" His name was " + asked)


def test_four_texts_differ_in_names_only() -> None:
    rows = plant([72], 2, seed=0)
    assert len(rows) == 8
    first, names = rows[:4], [name.encode() for name in NAMES[0]]
    bare = {row.text.replace(names[0], b"*").replace(names[1], b"*") for row in first}
    assert len(bare) == 1
    assert {(row.planted, row.asked) for row in first} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert all(len(name) == SIZE for pair in NAMES for name in pair)


def test_names_are_all_different() -> None:
    assert len({name for pair in NAMES for name in pair}) == 2 * len(NAMES)


def test_what_is_saved_is_what_the_other_name_would_have_cost_more(
    monkeypatch: pytest.MonkeyPatch, tiny: MakeModel
) -> None:
    def parts(self: Bench, stage: str, texts: list[bytes], windows: list[Window]) -> list[Floats]:
        prior = {b"Bruno": 9.0, b"Clara": 4.0}  # whatever names cost anyway
        return [np.array([prior[text[-5:]] - 3.0 * (text[13:18] == text[-5:])]) for text in texts]

    monkeypatch.setattr(Bench, "parts", parts)
    assert gains(bench(tiny()), plant([72], 1, 0)) == {72: [3.0]}


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_past_the_context_nothing_is_saved_and_nothing_preferred(kind: str, tiny: MakeModel) -> None:
    saved = gains(bench(tiny(kind, context=32)), plant([72, 104], 6, 0))
    found = figures(saved, 0)
    assert all(abs(gain) < planted.SAME for own in saved.values() for gain in own)
    assert found[PART, "bits saved, 72 bytes back"] == Measured(0, 0, 0, 6)
    assert found[PART, "preferred, 72 bytes back"] == Measured(None, None, None, 0)


def test_within_the_context_gains_are_those_of_reading_each_text_whole(tiny: MakeModel) -> None:
    from tilelli.evaluation import surprise

    model = tiny(context=128)
    rows = plant([72], 1, 0)
    cost = {(row.planted, row.asked): math.fsum(surprise(model, row.text)[-SIZE:]) for row in rows}
    expected = (cost[0, 1] + cost[1, 0] - cost[0, 0] - cost[1, 1]) / 2
    assert gains(bench(model), rows)[72] == [pytest.approx(expected, rel=1e-4)]


def test_preferences_are_counted_over_pairs() -> None:
    found = figures({40: [1.0, 2.0, -1.0, 0.0]}, 0)[PART, "preferred, 40 bytes back"]
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
