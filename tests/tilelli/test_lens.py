import pytest
import torch

from tests.conftest import MakeModel
from tilelli.errors import InputError
from tilelli.interventions import parse
from tilelli.lens import lens
from tilelli.trace import trace


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_after_the_last_block_it_says_what_the_model_says(tiny: MakeModel, kind: str) -> None:
    model = tiny(kind)
    read = lens(model, b"a text")
    assert read.shape == (3, 6, 256)
    torch.testing.assert_close(read[-1], trace(model, list(b"a text")).probabilities[0])
    torch.testing.assert_close(read.sum(dim=-1), torch.ones(3, 6))


def test_before_the_first_block_it_knows_one_byte_and_its_place(tiny: MakeModel) -> None:
    model = tiny()
    assert torch.equal(lens(model, b"axc")[0, 2], lens(model, b"bxc")[0, 2])
    assert not torch.equal(lens(model, b"axc")[1, 2], lens(model, b"bxc")[1, 2])


def test_a_block_that_adds_nothing_changes_nothing(tiny: MakeModel) -> None:
    read = lens(tiny(), b"a text", parse("zero@2"))
    torch.testing.assert_close(read[2], read[1])


def test_a_text_beyond_the_context_is_refused(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="longer than the context"):
        lens(tiny(), b"x" * 100)


def test_what_is_no_text_is_refused_in_words(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="nothing to read: an empty text"):
        lens(tiny(), b"")
    with pytest.raises(InputError, match="not a byte"):
        lens(tiny(), [1, 300])
