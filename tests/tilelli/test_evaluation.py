import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.evaluation import cut, evaluate, read, surprise, surprises
from tilelli.generation import window_start
from tilelli.interventions import parse
from tilelli.trace import trace

EDGES = [1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 50]  # around a context of 16 and a stride of 8


def bits_slowly(model: ByteLM, document: bytes) -> float:
    """One pass a byte, each on the window that writing would use there."""
    text, bits = b"\0" + document, 0.0
    for place in range(1, len(text)):
        window = text[window_start(place, model.config.context) : place]
        p = model(torch.tensor([list(window)]))[0][0, -1].double().softmax(dim=-1)
        bits -= math.log2(p[text[place]].item())
    return bits


def random_bytes(length: int) -> bytes:
    return np.random.default_rng(length).bytes(length)


@pytest.mark.parametrize("length", EDGES)
def test_every_byte_is_scored_exactly_once(model: ByteLM, length: int) -> None:
    score = evaluate(model, [random_bytes(length)])
    assert score.bits.tolist() == pytest.approx([bits_slowly(model, random_bytes(length))], rel=1e-4)
    assert score.bytes.tolist() == [length]


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.integers(1, 5))
def test_a_corpus_is_scored_as_its_documents_are(model: ByteLM, documents: list[bytes], batch_size: int) -> None:
    score = evaluate(model, documents, batch_size)
    assert score.bits.tolist() == pytest.approx([bits_slowly(model, d) for d in documents], rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("context", [2, 3, 5])
def test_small_and_odd_contexts_are_scored_alike(tiny: MakeModel, context: int) -> None:
    model, document = tiny(context=context), random_bytes(13)
    assert evaluate(model, [document]).bits[0] == pytest.approx(bits_slowly(model, document), rel=1e-4)


def test_a_model_that_knows_nothing_has_eight_bits_a_byte(tiny: MakeModel) -> None:
    model = tiny()
    model.embedding.weight.zero_()
    assert evaluate(model, [random_bytes(n) for n in EDGES]).bits_per_byte == pytest.approx(8, abs=1e-6)


def test_long_documents_count_for_more(model: ByteLM) -> None:
    score = evaluate(model, [b"a", random_bytes(40)])
    assert score.bits_per_byte == pytest.approx(score.bits.sum() / 41)


def test_documents_do_not_see_each_other(model: ByteLM) -> None:
    first, second = random_bytes(20), random_bytes(30)
    assert evaluate(model, [first, second]).bits[1] == pytest.approx(evaluate(model, [second]).bits[0], rel=1e-5)


def test_progress_counts_windows_to_the_end(model: ByteLM) -> None:
    seen: list[tuple[int, int]] = []
    evaluate(model, [random_bytes(50)], batch_size=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 6), (4, 6), (6, 6)]  # windows end at 16, 24, 32, 40, 48, 50


@pytest.mark.parametrize("length", EDGES)
def test_the_surprise_of_each_byte_is_that_of_its_own_window(model: ByteLM, length: int) -> None:
    document = random_bytes(length)
    each = surprise(model, document, batch_size=2)
    assert each.sum() == pytest.approx(evaluate(model, [document]).bits[0])
    for place in {0, length // 2, length - 1}:
        before = bits_slowly(model, document[:place]) if place else 0.0
        assert each[place] == pytest.approx(bits_slowly(model, document[: place + 1]) - before, rel=1e-3, abs=1e-3)


def test_surprise_under_an_intervention_is_that_of_the_trace(tiny: MakeModel) -> None:
    model, document, changes = tiny(), random_bytes(15), parse("remove:sparse@2 swap:local+dense@1")
    seen = trace(model, [0, *document], changes)
    assert surprise(model, document, changes).tolist() == pytest.approx(seen.bits[0].tolist(), rel=1e-4)
    assert surprise(model, b"").shape == (0,)


def test_the_progress_of_surprise_counts_windows_to_the_end(model: ByteLM) -> None:
    seen: list[tuple[int, int]] = []
    surprise(model, random_bytes(50), batch_size=4, progress=lambda *counts: seen.append(counts))
    assert seen == [(4, 6), (6, 6)]


@pytest.mark.parametrize("changes", ["", "flatten@1", "remove:local@2"])
def test_what_is_read_on_from_a_block_is_what_is_read_from_the_start(tiny: MakeModel, changes: str) -> None:
    model, document, under = tiny(n_blocks=3), random_bytes(50), parse(changes)
    for block in range(3):
        cells = [parse(f"force:sparse@{block + 1}"), parse(f"zero@{block + 1} top@3"), ()]
        found = surprises(model, document, block, cells, under, batch_size=2)
        assert found is not None
        for own, cell in zip(found, cells, strict=True):
            np.testing.assert_allclose(own, surprise(model, document, (*under, *cell)), rtol=1e-4, atol=1e-4)


def test_reading_on_can_be_stopped_after_each_pass(model: ByteLM) -> None:
    stops = iter([False, False, True])
    assert surprises(model, random_bytes(50), 0, [(), ()], batch_size=2, should_stop=stops.__next__) is None
    assert next(stops, None) is None


def test_reading_on_under_what_finds_nothing_is_refused(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="no router to intervene in"):
        surprises(tiny("vanilla"), b"abc", 0, [parse("top")])
    with pytest.raises(InputError, match="block 9 of"):
        surprises(tiny(), b"abc", 0, [()], parse("top@9"))


class Watched(bytes):
    """Remembers how much of it was asked for."""

    most = 0

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        found = bytes.__getitem__(self, key)
        self.most = max(self.most, len(found))
        return found


def test_of_a_long_document_no_more_is_copied_than_a_window_holds(model: ByteLM) -> None:
    document = Watched(random_bytes(200))
    assert evaluate(model, [document]).bits[0] == pytest.approx(bits_slowly(model, bytes(document)), rel=1e-4)
    assert 0 < document.most <= model.config.context


def test_router_weights_are_told_to_those_who_watch(tiny: MakeModel) -> None:
    model, document = tiny(), random_bytes(20)
    windows = cut([document], model.config.context)
    readings = list(read(model, [document], windows, watch=True))
    assert sum(len(own) for reading in readings for _, own in reading.scored()) == len(document)
    seen = trace(model, [0, *document[:15]])
    assert seen.router_weights is not None
    first = next(row for row, window in enumerate(readings[0].windows) if window.start == 0)
    for mine, theirs in zip(readings[0].router, seen.router_weights, strict=True):
        np.testing.assert_allclose(mine[first], theirs[0], rtol=1e-5, atol=1e-6)
    assert not next(read(model, [document], windows)).router
