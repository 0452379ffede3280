import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilelli.engine.peers.shape import BLOCK, Llama, llama
from tilelli.errors import InputError


def test_parameters_are_counted_as_by_hand() -> None:
    shape = Llama(width=256, layers=2, hidden=512, inner=512, keys=64)
    layer = 256 * 512 + 2 * 256 * 64 + 512 * 256 + 3 * 256 * 512 + 2 * 256
    assert shape.parameters == 256 * 256 + 2 * layer + 256 == 1_443_072
    assert str(shape) == "Llama 256 x 2, hidden 512, 8 heads of 64, 1 for keys, 1,443,072 parameters"


def test_ten_million_parameters_get_the_shape_that_was_fastest() -> None:
    assert (llama(10_839_570).width, llama(10_839_570).layers) == (512, 4)


@settings(max_examples=8)
@given(st.integers(1_400_000, 60_000_000))
def test_a_stand_in_is_of_equal_size_and_fills_the_blocks_of_every_type(parameters: int) -> None:
    try:
        shape = llama(parameters)
    except InputError:  # now and then there is none: then it is said, not hidden
        return
    assert abs(shape.parameters / parameters - 1) <= 0.01
    assert shape.width % BLOCK == shape.hidden % BLOCK == shape.inner % BLOCK == 0  # what rows are as long as
    assert shape.keys % shape.head == 0
    assert (shape.inner // shape.head) % (shape.keys // shape.head) == 0


@pytest.mark.parametrize("parameters", [1_432_137, 3_300_000, 10_937_874, 33_000_000])
def test_sizes_that_people_have_get_one(parameters: int) -> None:
    assert llama(parameters).parameters == pytest.approx(parameters, rel=0.01)


def test_too_small_a_model_has_none() -> None:
    with pytest.raises(InputError, match="no Llama of this size: 5,838 parameters"):
        llama(5_838)
