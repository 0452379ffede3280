from app.figures import twins as figures
from probes.twins import Twins, between
from tests.conftest import TEXT, MakeModel


def pair(tiny: MakeModel, kind: str = "routed") -> Twins:
    return between(tiny(kind), tiny(kind, seed=1), TEXT.encode(), letter="C")


def test_bars_are_the_differences_of_the_shares(tiny: MakeModel) -> None:
    found = pair(tiny)
    bars = figures.gather_shares(found)
    assert bars is not None
    assert found.routing is not None
    table = found.routing.shares.set_index(["block", "pathway"])["difference"]
    assert bars.differences["sparse"] == [table[1, "sparse"], table[2, "sparse"]]
    assert bars.blocks == ["block 1", "block 2"]
    assert "C " in bars.notes["local"][0]


def test_the_grid_has_a_cell_a_head(tiny: MakeModel) -> None:
    found = pair(tiny)
    grid = figures.gather_heads(found)
    assert grid is not None
    assert grid.shares == found.attention["kept"].to_numpy().reshape(2, 2).tolist()
    assert grid.notes[1][0].startswith("kept by both: ")
    assert figures.heads(found).layout.title.text == figures.KEPT


def test_where_all_is_kept_the_attention_is_shown(tiny: MakeModel) -> None:
    found = pair(tiny, "vanilla")
    assert figures.heads(found).layout.title.text == figures.ATTENTION
    assert figures.shares(found).layout.annotations[0].text.startswith("Appears for two routed")
    assert figures.choices_strip(found) == ""


def test_the_strip_marks_just_the_choices_that_differ(tiny: MakeModel) -> None:
    found = pair(tiny)
    assert found.routing is not None
    page = figures.choices_strip(found)
    assert page.count(">·</span>") == (~found.routing.elsewhere).sum()
    assert page.count(",0.60)") == found.routing.elsewhere.sum()


def test_without_twins_the_pictures_say_what_will_appear() -> None:
    for draw in (figures.shares, figures.heads):
        assert draw(None).layout.annotations[0].text.startswith("Appears for")
