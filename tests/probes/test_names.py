import pytest

from probes.metrics import Measured
from probes.names import called, interval, measured, percent, shares, signed, spoken


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("blocks.0.dense.up.weight", "block 1 dense.up"),
        ("blocks.11.local.bias", "block 12 local.bias"),
        ("embedding.weight", "embedding"),
        ("norm.bias", "norm.bias"),
    ],
)
def test_blocks_are_counted_from_one_in_sentences(name: str, shown: str) -> None:
    assert spoken(name) == shown


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(0.41249, 3, "+0.412"), (-0.05, 3, "−0.050"), (0.0004, 3, "0"), (-0.0006, 3, "−0.001"), (-12.34, 1, "−12.3")],
)
def test_a_change_has_its_sign_and_nothing_has_none(value: float, digits: int, shown: str) -> None:
    assert signed(value, digits) == shown


def test_what_was_measured_is_said_with_its_interval() -> None:
    assert measured(Measured(-0.2, -0.3, 0.0001, 9)) == "−0.200 bpb [−0.300, 0]"
    assert measured(Measured(0.5, None, None, 2), "bits") == "+0.500 bits"
    assert measured(Measured(None, None, None, 0)) == "undefined"


@pytest.mark.parametrize(("byte", "name"), [(101, "“e”"), (32, "the space"), (10, "the new line"), (0xC3, "byte C3")])
def test_bytes_have_names_that_fit_into_a_sentence(byte: int, name: str) -> None:
    assert called(byte) == name


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (1.0, "100 %"),
        (0.434, "43 %"),
        (0.0996, "10 %"),
        (0.0434, "4.3 %"),
        (0.00043, "0.043 %"),
        (0, "less than 0.001 %"),
    ],
)
def test_a_share_has_two_digits_that_say_something(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_a_figure_and_a_share_are_said_with_their_intervals() -> None:
    assert interval(Measured(4.213, 3.9, 4.5, 9)) == "4.21 [3.90, 4.50]"
    assert interval(Measured(54.6, None, None, 1), 0) == "55"
    assert shares(Measured(0.25, 0.0, 0.5, 9)) == "25 % [0 %, 50 %]"
    assert (interval(Measured(None, None, None, 0)), shares(Measured(None, None, None, 0))) == (
        "undefined",
        "an undefined share",
    )
