"""Windows: where they are cut, what is read twice, and how far attention looks."""

import numpy as np
import pytest

from probes.sliding import REACH, READING, SLIDING, furthest, reaching, reading
from probes.stages import Bench
from probes.store.keeper import Keeper
from tests.conftest import TEXT, MakeModel
from tilelli.base import ByteLM
from tilelli.evaluation import surprise

DOCUMENTS = [(TEXT * 3).encode(), b"short", (TEXT[7:] * 2).encode()]


def bench(model: ByteLM, windows: int = 10) -> Bench:
    return Bench("context", model, None, {"windows": windows}, 0, Keeper(wanted=False))


def test_windows_are_whole_do_not_overlap_and_are_no_more_than_asked(model: ByteLM) -> None:
    _, rows = reading(bench(model, 1000), DOCUMENTS)
    C = model.config.context
    for number, own in rows.groupby("document")["start"]:
        assert (np.diff(sorted(own)) >= C).all()
        assert own.max() + C <= len(DOCUMENTS[int(str(number))])
    assert 1 not in rows["document"].tolist()
    assert len(reading(bench(model, 4), DOCUMENTS)[1]) == 4


def test_before_and_after_are_the_same_bytes_with_all_and_with_half_of_the_context(model: ByteLM) -> None:
    C, target = model.config.context, 4
    _, rows = reading(bench(model), DOCUMENTS)
    for row in rows.to_dict("records"):
        end = row["start"] + C
        text = DOCUMENTS[row["document"]]
        for name, start in (("before", row["start"]), ("after", end - target - C // 2)):
            before = text[start - 1 : start] or b"\0"
            bits = surprise_after(model, before, text[start:end])
            assert row[name] == pytest.approx(bits[-target:].mean(), rel=1e-4)


def surprise_after(model: ByteLM, before: bytes, text: bytes) -> np.ndarray:
    """Bits of `text` where `before` is one byte that is read first."""
    import torch

    ids = torch.tensor([list(before + text)])
    logits, _ = model(ids[:, :-1])
    nats = -logits.log_softmax(dim=-1).gather(-1, ids[:, 1:, None])[0, :, 0]
    return (nats.double().numpy()) / np.log(2)


def test_places_are_those_of_the_window_and_average_to_its_cost(tiny: MakeModel) -> None:
    model = tiny(context=32)
    figures, rows = reading(bench(model), [DOCUMENTS[0]])
    names = [name for part, name in figures if "places" in name]
    assert names[0] == "bits per byte, places 0 to 3"
    assert len(names) == 8
    whole = np.mean([figures[READING, name].value for name in names])
    assert whole == pytest.approx(rows[[name.removeprefix("bits per byte, ") for name in names]].to_numpy().mean())


def test_a_model_that_forgets_at_once_loses_nothing_when_the_window_slides(tiny: MakeModel) -> None:
    model = tiny(context=32)
    model.positions.weight.zero_()
    for block in model.blocks:
        for parameter in block.parameters():
            parameter.zero_()
    figures, rows = reading(bench(model), DOCUMENTS)
    assert figures[READING, SLIDING.figure].value == pytest.approx(0, abs=1e-6)
    assert rows["before"].mean() == pytest.approx(rows["after"].mean())


def test_a_text_shorter_than_the_context_is_not_measured(model: ByteLM) -> None:
    figures, rows = reading(bench(model), [b"short", b""])
    assert len(rows) == 0
    assert all(found.value is None for found in figures.values())
    assert reaching(bench(model), [b"short"], rows) == {}


def test_the_first_window_of_a_text_costs_what_reading_it_costs(tiny: MakeModel) -> None:
    model = tiny(context=32)
    text = TEXT.encode()[:64]
    _, rows = reading(bench(model), [text])
    (row,) = rows.to_dict("records")
    assert row["start"] == 0 or row["start"] < 32
    if row["start"] == 0:
        assert row["before"] == pytest.approx(surprise(model, text)[24:32].mean(), rel=1e-4)


def test_attention_reaches_no_further_than_the_window_and_the_furthest_is_named(model: ByteLM) -> None:
    _, rows = reading(bench(model), DOCUMENTS)
    far = reaching(bench(model), DOCUMENTS, rows)
    assert [name for _, name in far] == ["block 1", "block 2"]
    values = {name: found.value or 0 for (_, name), found in far.items()}
    assert all(0 < value < model.config.context for value in values.values())
    assert max(values, key=lambda name: values[name]) in furthest(far)[0]
    assert furthest({}) == []
    assert {part for part, _ in far} == {REACH}


def test_who_attends_to_nothing_reaches_nowhere(tiny: MakeModel) -> None:
    model = tiny(pathways=("local", "dense"), ternary=("dense",))
    _, rows = reading(bench(model), DOCUMENTS)
    assert reaching(bench(model), DOCUMENTS, rows) == {}
