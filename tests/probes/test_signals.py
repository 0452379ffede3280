import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

from probes import signals
from probes.answering import Answer, answer
from probes.drawing import Drawn
from probes.signals import AGREEMENT, COMBINED, COMMITTEE, LENGTH, SIGNALS
from tests.conftest import MakeModel
from tests.probes.test_answering import PROMPTS
from tilelli.errors import InputError

SAID = Answer("It is Paris.", True, 0.25, 0.9, 0.5)


def test_every_signal_is_declared_with_its_direction_and_range() -> None:
    assert {"max_softmax_last", "max_softmax_mean", "entropy_mean", "logprob_mean", "margin_mean", "router_conf"} < {
        *SIGNALS
    }
    assert {"router_entropy_var", "abstain_p", AGREEMENT, COMMITTEE, COMBINED, LENGTH} < {*SIGNALS}
    for known in SIGNALS.values():
        assert known.low < known.high
        assert not known.probability or (known.low, known.high) == (0, 1)


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_signals_of_a_model_lie_in_their_ranges_and_say_what_is_undefined(tiny: MakeModel, kind: str) -> None:
    table = signals.table(PROMPTS, answer(tiny(kind, context=64), PROMPTS, max_new=6))
    assert list(table) == [name for name in SIGNALS if name != COMBINED]
    routers = [] if kind == "routed" else ["router_conf", "router_entropy_var"]
    assert signals.undefined(table) == [*routers, "abstain_p", AGREEMENT, COMMITTEE]
    assert table[LENGTH].tolist() == [len(prompt.encode()) for prompt in PROMPTS]
    for name, values in signals.columns_of(table).items():
        assert (signals.check(name, values) == values).all()


def test_a_value_outside_its_range_is_refused_and_dust_is_cut_off() -> None:
    assert signals.check("abstain_p", np.array([1 + 1e-9, -1e-9])).tolist() == [1, 0]
    for name, value in (("abstain_p", 1.01), ("entropy_mean", 8.1), ("logprob_mean", 0.1), (LENGTH, np.inf)):
        with pytest.raises(InputError, match=f"A signal lies outside its range: {name} is"):
            signals.check(name, np.array([0.0, value]))
    assert np.isnan(signals.check("router_conf", np.array([np.nan]))).all()


def test_doubt_is_higher_for_less_sure_and_confidence_the_other_way() -> None:
    assert signals.doubt("entropy_mean", np.array([3.0])) > signals.doubt("entropy_mean", np.array([1.0]))
    assert signals.doubt("margin_mean", np.array([0.3])) > signals.doubt("margin_mean", np.array([0.9]))
    assert signals.confidence("abstain_p", np.array([0.25])) == 0.75
    assert signals.confidence("reply_p", np.array([0.25])) == 0.25
    with pytest.raises(InputError, match="The signal is no probability: entropy_mean"):
        signals.confidence("entropy_mean", np.array([1.0]))


def test_agreement_does_not_mind_case_and_marks() -> None:
    assert signals.agreement("It is Paris.", Drawn(("it is paris", "It is Rome.", "IT IS PARIS!", ""))) == 0.5
    table = signals.table(["p"], [SAID], [Drawn(("it is Paris",))], np.array([0.5]))
    assert (table[AGREEMENT][0], table[COMMITTEE][0], table["abstain_p"][0]) == (1, 0.5, 0.25)
    assert np.isnan(table["margin_mean"][0])


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_members_part_by_jensen_and_shannon(seed: int, k: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.full(256, 0.1), (k, 3))
    found = signals.parting(list(p))
    assert ((found >= 0) & (found <= np.log2(k) + 1e-12)).all()
    assert signals.entropy(p[0]) == pytest.approx(scipy_entropy(p[0], base=2, axis=1))
    if k == 2:
        assert found == pytest.approx(jensenshannon(p[0], p[1], base=2, axis=1) ** 2, abs=1e-9)
    assert signals.parting([p[0], p[0]]) == pytest.approx(np.zeros(3), abs=1e-9)


def test_disagreement_is_that_over_the_reply_of_the_first(tiny: MakeModel) -> None:
    import torch

    from tilelli.chat import encode

    one, other = tiny(context=64), tiny("vanilla", seed=3, context=64)
    said = answer(one, PROMPTS, max_new=5)
    found = signals.disagreement([one, other], PROMPTS, said)
    reply = list(said[0].reply.encode())
    ids = torch.tensor([[*encode(PROMPTS[0]), *reply]])
    p = [model(ids)[0][0, -len(reply) - 1 :].double().softmax(dim=-1).numpy() for model in (one, other)]
    assert found[0] == pytest.approx(signals.parting(p).mean(), abs=1e-5)
    assert signals.disagreement([one, one], PROMPTS, said) == pytest.approx(np.zeros(len(PROMPTS)), abs=1e-6)
    with pytest.raises(InputError, match="Nobody to disagree with"):
        signals.disagreement([one], PROMPTS, said)
