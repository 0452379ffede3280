import numpy as np
import pytest

from app.figures import compare as figures
from probes.compare import Comparison, Reading, compare


def result(text: bytes, *bits: list[float]) -> Comparison:
    return compare(text, [Reading(f"runs/{n}", "", np.array(row, dtype=float)) for n, row in enumerate(bits)])


def test_a_byte_stands_on_the_colour_of_the_better_one_as_strong_as_its_lead() -> None:
    page = figures.best_strip(result(b"ab", [1, 5], [4, 5]))
    assert "background:rgba(86,180,233,0.60)" in page  # A by 3 bits: full
    assert page.count(",0.00)") == 1  # and one that both find as likely: none
    assert "byte 0: a\nA 50.0 %, B 6.2 %\nA by 3.00 bits over B" in page
    assert "alike" in page


def test_each_of_the_others_has_a_row_against_the_first() -> None:
    page = figures.pairs_strip(result(b"a", [2], [1], [3]))
    assert "A or B" in page
    assert ">B</span>" in page.split("byte 0")[2]
    assert ">A</span>" in page
    assert page.count("title=") == 3


def test_text_is_never_let_into_the_page_as_it_is() -> None:
    pages = result(b"<b>&", [1] * 4, [2] * 4)
    assert "<b>" not in figures.best_strip(pages) + figures.pairs_strip(pages)
    lines = figures.gather_ahead(pages)
    assert lines is not None
    assert "byte 0: &lt;" in lines.notes["B"][0]


def test_bits_saved_add_up_along_the_text() -> None:
    lines = figures.gather_ahead(result(b"abc", [3, 1, 2], [1, 2, 2]))
    assert lines is not None
    assert lines.saved == {"B": [2, 1, 1]}
    assert lines.positions == [0, 1, 2]


def test_a_difference_without_an_interval_is_a_lone_point() -> None:
    compared = result(b"abc", [3, 1, 2], [1, 2, 2])
    spans = figures.gather_differences(compared)
    assert spans is not None
    assert (spans.letters, spans.ends, spans.values) == (["B"], [None], [pytest.approx(-1 / 3)])
    assert figures.differences(compared).data[0].error_x.array is None


def test_the_ends_of_an_interval_are_drawn_where_they_are() -> None:
    random = np.random.default_rng(0)
    compared = result(bytes(320), random.gamma(2, 1, 320).tolist(), random.gamma(2, 1, 320).tolist())
    point, d = figures.differences(compared).data[0], compared.differences[0]
    assert point.x[0] + point.error_x.array[0] == pytest.approx(d.high)
    assert point.x[0] - point.error_x.arrayminus[0] == pytest.approx(d.low)


@pytest.mark.parametrize("draw", [figures.differences, figures.ahead])
def test_without_a_comparison_it_says_what_will_appear(draw: object) -> None:
    assert draw(None).layout.annotations[0].text == figures.WAITING  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tilelli/mini", "tilelli/mini"),
        ("/home/me/runs/mine", "runs/mine"),
        ("tilelli/mini::router::/home/me/runs/mine", "tilelli/mini::router::runs/mine"),
        ("a" * 100, "…" + "a" * 39),
    ],
)
def test_long_names_are_shortened_to_what_tells_them_apart(name: str, said: str) -> None:
    assert figures.short(name) == said


def test_small_chances_keep_two_digits() -> None:
    assert (figures.chance(0.5), figures.chance(0.000123)) == ("50.0 %", "0.012 %")
