import pytest
import torch

from tests.conftest import MakeModel
from tilelli.training.health import alarms, compare, entropy, trits, write_sample

WELL = {"shares": [[0.3, 0.3, 0.4]], "flips": 1e-3, "sample": "The cat sat on the mat. " + "It looked about, " * 2}


def test_trits_are_those_of_the_ternary_tensors(tiny: MakeModel) -> None:
    found = trits(tiny(ternary=("dense",)))
    assert set(found) == {f"blocks.{n}.dense.{name}" for n in range(2) for name in ("up", "down")}
    assert {int(value) for t in found.values() for value in t.unique()} <= {-1, 0, 1}


def test_a_model_without_ternary_weights_has_nothing_to_compare(tiny: MakeModel) -> None:
    assert compare(trits(tiny("vanilla")), trits(tiny("vanilla"))) == {}


def test_flips_and_zeros_worked_by_hand() -> None:
    before = {"a": torch.tensor([1, 0, -1, 0], dtype=torch.int8)}
    after = {"a": torch.tensor([1, 1, 0, 0], dtype=torch.int8)}
    assert compare(before, after) == {"zeros": 0.5, "flips": 0.5}


def test_an_even_mix_has_entropy_one_and_a_single_pathway_none() -> None:
    assert entropy([1 / 3, 1 / 3, 1 / 3]) == pytest.approx(1)
    assert entropy([1.0, 0.0, 0.0]) == 0


def test_the_sample_is_always_the_same(tiny: MakeModel) -> None:
    assert write_sample(tiny()) == write_sample(tiny())


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"shares": [[0.4, 0.3, 0.3], [0.01, 0.49, 0.5]]}, "The local pathway of block 2 is dying: 1.0 % of the mix."),
        ({"shares": [[0.01, 0.01, 0.98]]}, "The dense pathway of block 1 has taken over: 98.0 % of the mix."),
        ({"flips": 0.0}, "The trits have frozen: 0.0e+00 of them flipped in the last step measured."),
        ({"sample": "and the cat " * 14}, "The sample has collapsed: it says the same thing over and over."),
    ],
)
def test_every_trouble_has_its_sentence(record: dict[str, object], sentence: str) -> None:
    assert sentence in alarms([WELL, WELL | record])


def test_a_rising_loss_is_said() -> None:
    records = [{"held_out_bpb": value} for value in (3.0, 2.0, 2.3)]
    assert alarms(records) == ["The held-out loss is rising: 2.300 bits per byte after 2.000."]
    assert alarms(records[:2]) == []


def test_a_run_that_is_well_raises_no_alarm() -> None:
    assert alarms([WELL]) == []
    assert alarms([]) == []
