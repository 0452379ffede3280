import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from probes.routing import (
    ALL,
    CLASSES,
    Routing,
    byte_class,
    call_outs,
    from_trace,
    normalised_entropy,
    share_by_position,
    summarise,
)
from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.interventions import parse
from tilelli.pathways import PATHWAYS
from tilelli.trace import trace

scores = arrays(float, (2, 5, 3), elements=st.floats(-60, 60))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def by_hand() -> Routing:
    """One block reads `a`, `b`, `1`: local, sparse, and half local half dense."""
    weights = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]])
    return summarise(weights, np.array(list(b"ab1")), PATHWAYS)


def test_the_share_of_a_block_is_the_mean_over_bytes() -> None:
    row = by_hand().blocks.iloc[0]
    assert row["block"] == 1
    assert [row[name] for name in PATHWAYS] == pytest.approx([0.5, 1 / 3, 1 / 6])


def test_entropy_and_effective_pathways_by_hand() -> None:
    result = by_hand()
    assert result.entropy[0] == pytest.approx([0, 0, np.log(2) / np.log(3)])
    assert result.effective[0] == pytest.approx([1, 1, 2])
    assert result.blocks["effective"].item() == pytest.approx(4 / 3)


def test_a_pathway_that_the_model_lacks_is_no_choice_and_no_news(tiny: MakeModel) -> None:
    two = from_trace(trace(tiny(pathways=["local", "sparse"]), list(b"Hi, you!"), parse("flatten")))
    assert two.entropy == pytest.approx(1)  # both alike: no byte could be spread further
    assert two.effective == pytest.approx(2)
    assert two.findings == ()
    one = from_trace(trace(tiny(pathways=["dense"]), list(b"Hi, you!")))
    assert (one.entropy == 0).all()
    assert (one.effective == 1).all()
    assert one.findings == ()
    assert one.blocks["dense"].tolist() == [1, 1]


def test_shares_by_class_by_hand() -> None:
    classes = by_hand().classes
    assert classes["block"].unique().tolist() == [ALL, "block 1"]
    letters, digits = (
        classes[(classes["class"] == kind) & (classes["block"] == ALL)].iloc[0] for kind in ("letter", "digit")
    )
    assert letters["bytes"] == 2
    assert [letters[name] for name in PATHWAYS] == pytest.approx([0.5, 0.5, 0])
    assert [digits[name] for name in PATHWAYS] == pytest.approx([0.5, 0, 0.5])


@given(scores)
def test_entropy_stays_in_its_range_and_does_not_know_the_order(x: np.ndarray) -> None:
    weights = softmax(x)
    entropy = normalised_entropy(weights)
    assert entropy.min() >= 0
    assert entropy.max() <= 1
    np.testing.assert_allclose(normalised_entropy(weights[..., ::-1]), entropy, atol=1e-12)


@given(scores)
def test_effective_pathways_are_the_exponential_of_torchs_entropy(x: np.ndarray) -> None:
    weights = softmax(x)
    result = summarise(weights, np.arange(5), PATHWAYS)
    expected = torch.special.entr(torch.as_tensor(weights)).sum(dim=-1).exp()
    np.testing.assert_allclose(result.effective, expected.numpy(), atol=1e-9)


@given(scores, st.binary(min_size=5, max_size=5))
def test_shares_add_up_to_one_and_classes_add_up_to_the_text(x: np.ndarray, raw: bytes) -> None:
    result = summarise(softmax(x), np.array(list(raw)), PATHWAYS)
    np.testing.assert_allclose(result.blocks[list(PATHWAYS)].sum(axis=1), 1)
    np.testing.assert_allclose(result.classes[list(PATHWAYS)].sum(axis=1), 1)
    assert (result.classes.groupby("block")["bytes"].sum() == 5).all()


def test_a_dead_pathway_is_called_out_in_plain_words() -> None:
    share = np.array([[0.3, 0.3, 0.4], [0.4, 0.3, 0.3], [0.012, 0.488, 0.5]])
    assert call_outs(share, PATHWAYS) == ["In block 3 the local pathway is nearly unused: 1.2 % of the mix."]


def test_a_collapsed_block_is_called_out_once() -> None:
    share = np.array([[0.01, 0.971, 0.019]])
    assert call_outs(share, PATHWAYS) == ["In block 1 the sparse pathway carries nearly everything: 97.1 % of the mix."]


@pytest.mark.parametrize("share", [[0.02, 0.03, 0.95], [1 / 3, 1 / 3, 1 / 3]])
def test_at_the_limits_nothing_is_called_out(share: list[float]) -> None:
    assert call_outs(np.array([share]), PATHWAYS) == []


@pytest.mark.parametrize(
    ("byte", "kind"),
    [
        *((ord(c), "letter") for c in "aZ"),
        *((ord(c), "space") for c in " \t"),
        *((ord(c), "newline") for c in "\r\n"),
        *((ord(c), "punctuation") for c in "!~_<"),
        (ord("7"), "digit"),
        (0x00, "control"),
        (0x7F, "control"),
        (0x80, "UTF-8 continuation"),
        (0xBF, "UTF-8 continuation"),
        (0xC3, "UTF-8 lead"),
        (0xFF, "UTF-8 lead"),
    ],
)
def test_bytes_have_a_class(byte: int, kind: str) -> None:
    assert byte_class(byte) == kind


def test_every_byte_is_in_a_known_class_and_no_class_is_empty() -> None:
    assert {byte_class(byte) for byte in range(256)} == set(CLASSES)


def test_a_trace_becomes_a_result(routed: ByteLM) -> None:
    result = from_trace(trace(routed, list(b"Hi, you!")))
    L = routed.config.n_blocks
    assert result.weights.shape == (L, 8, 3)
    assert bytes(result.ids.tolist()) == b"Hi, you!"
    assert len(result.rows) == L * 8
    assert result.rows["position"].tolist() == [*range(8)] * L


def test_several_texts_are_averaged_together(routed: ByteLM) -> None:
    both = from_trace(trace(routed, torch.tensor([list(b"one"), list(b"two")])))
    one, two = (from_trace(trace(routed, list(text))) for text in (b"one", b"two"))
    np.testing.assert_allclose(both.blocks["local"], (one.blocks["local"] + two.blocks["local"]) / 2, rtol=1e-5)


def test_a_vanilla_trace_is_refused_in_three_parts(vanilla: ByteLM) -> None:
    with pytest.raises(InputError, match=r"no router to look at: the trace of a vanilla model\. Choose a routed"):
        from_trace(trace(vanilla, [65]))


def test_a_window_keeps_numbers_positions_and_averages() -> None:
    weights = softmax(np.random.default_rng(0).normal(size=(4, 20, 3)))
    whole = summarise(weights, np.arange(20) + 65, PATHWAYS)
    part = whole.window(start=5, length=10, block=2, count=2)
    assert (part.first, part.numbers, part.ids.tolist()) == (5, (2, 3), [*range(70, 80)])
    np.testing.assert_array_equal(part.mix("block 3").weights, weights[2, 5:15])
    assert part.blocks is whole.blocks
    assert part.rows["position"].min() == 5


def test_shares_along_the_context_by_hand() -> None:
    weights = np.zeros((1, 45, 3))
    weights[0, :20, 0], weights[0, 20:40, 1], weights[0, 40:, 2] = 1, 1, 1
    table = share_by_position(summarise(weights, np.arange(45) + 65, PATHWAYS), context=160)
    assert table["block"].tolist() == [ALL, "block 1"] * 3
    own = table[table["block"] == "block 1"]
    assert own[["from", "to", "bytes"]].to_numpy().tolist() == [[0, 19, 20], [20, 39, 20], [40, 44, 5]]
    assert own[["local", "sparse", "dense"]].to_numpy().tolist() == np.eye(3).tolist()
    assert own["local low"].tolist()[:2] == [1.0, 0.0]
    assert own["dense low"].isna().tolist() == [False, False, True]  # five bytes are too few


def test_several_texts_have_no_common_positions(routed: ByteLM) -> None:
    several = from_trace(trace(routed, torch.tensor([list(b"twelve bytes")] * 2)))
    for result in (several, several.window(1, 4, 1, 1)):
        with pytest.raises(InputError, match="not the positions of one text"):
            share_by_position(result, routed.config.context)


@given(scores)
def test_intervals_along_the_context_hold_their_means(x: np.ndarray) -> None:
    weights = np.repeat(softmax(x), 20, axis=1)
    table = share_by_position(summarise(weights, np.arange(100), PATHWAYS), context=400)
    for name in PATHWAYS:
        assert (table[f"{name} low"] <= table[name] + 1e-12).all()
        assert (table[name] <= table[f"{name} high"] + 1e-12).all()


def test_weights_that_an_intervention_made_count_by_their_proportions() -> None:
    weights = np.array([[[2.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.3, 0.0]]])
    result = summarise(weights, np.array(list(b"abc")), PATHWAYS)
    assert result.effective[0] == pytest.approx([2, np.nan, 1], nan_ok=True)
    assert result.blocks["effective"].item() == pytest.approx(1.5)  # of the bytes that have one
    assert result.mix().effective == pytest.approx([2, np.nan, 1], nan_ok=True)


def test_a_model_with_nothing_left_is_summarised_without_a_number_made_up(routed: ByteLM) -> None:
    result = from_trace(trace(routed, list(b"abc"), parse("zero")))
    assert result.blocks[["local", "sparse", "dense"]].to_numpy().tolist() == [[0, 0, 0]] * 2
    assert result.blocks[["entropy", "effective"]].isna().all(axis=None)


def test_what_an_intervention_left_is_called_out_by_its_proportions() -> None:
    assert call_outs(np.array([[1.0, 0.5, 0.5], [0.0, 0.0, 0.0], [0.0, 0.3, 0.0]]), PATHWAYS) == [
        "Block 2 adds nothing: no pathway has any weight.",
        "In block 3 the sparse pathway carries nearly everything: 100.0 % of the mix.",
    ]
