import pytest

from probes.writing import over_base
from tests.conftest import TEXT, MakeModel
from tilelli.checkpoint import weights_hash
from tilelli.errors import InputError
from tilelli.evaluation import evaluate

DOCUMENTS = [TEXT[start:].encode() for start in range(0, 80, 10)]


def test_a_model_costs_nothing_over_itself(tiny: MakeModel) -> None:
    found = over_base(tiny(), tiny(), DOCUMENTS)
    assert (found.value, found.low, found.high, found.n) == (1, 1, 1, 8)


def test_the_cost_is_the_ratio_of_bits_per_byte(tiny: MakeModel) -> None:
    one, other = tiny(seed=1), tiny(seed=2)
    found = over_base(one, other, [*DOCUMENTS, b""])
    expected = evaluate(one, DOCUMENTS).bits_per_byte / evaluate(other, DOCUMENTS).bits_per_byte
    assert found.value == pytest.approx(expected)
    assert found.low is not None
    assert found.low < expected < (found.high or 0)


def test_another_base_is_refused(tiny: MakeModel) -> None:
    tuned, base = tiny(seed=1), tiny(seed=2)
    tuned.provenance = {"base": {"name": "base", "weights": weights_hash(base)}}
    assert over_base(tuned, base, DOCUMENTS).value is not None
    with pytest.raises(InputError, match="was not tuned from this base"):
        over_base(tuned, tiny(seed=3), DOCUMENTS)
    with pytest.raises(InputError, match="There is no plain text"):
        over_base(tuned, base, [])
