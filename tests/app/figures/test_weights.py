import subprocess
import sys

import numpy as np
import pytest

from app import theme
from app.figures import weights as figures
from probes.weights import Latent, latent, tensors
from tilelli.base import ByteLM

UP = "blocks.0.dense.up.weight"


def test_without_a_result_a_titled_figure_says_what_will_appear() -> None:
    for fig in (figures.histogram(None), figures.shares([])):
        assert fig.layout.title.text
        assert fig.layout.annotations[0].text
        assert not fig.data


def test_a_model_of_floats_has_no_trits_to_draw(vanilla: ByteLM) -> None:
    assert figures.shares(tensors(vanilla)).layout.annotations[0].text == "Nothing here is rounded to trits."


def test_the_bars_of_every_ternary_tensor_add_up_to_the_whole(routed: ByteLM) -> None:
    fig = figures.shares(tensors(routed))
    assert [bar.name for bar in fig.data] == ["−1", "0", "+1"]
    assert [bar.marker.color for bar in fig.data] == list(theme.TRIT_COLOURS.values())
    np.testing.assert_allclose(sum(np.array(bar.x) for bar in fig.data), 1)
    assert fig.data[0].y[0] == "block 1 local"
    assert len(fig.data[0].y) == 10


def test_bins_wear_the_colour_of_the_trit_they_become() -> None:
    counts = np.array([1, 2, 3, 4])
    bars = figures.gather_histogram(Latent("w", np.array([-2.0, -1, 0, 1, 2]), counts, 0, scale=2.0))
    assert bars is not None
    assert bars.heights == {-1: [1, None, None, None], 0: [None, 2, 3, None], 1: [None, None, None, 4]}


def test_every_weight_is_drawn_once_between_two_thresholds(routed: ByteLM) -> None:
    result = latent(routed, UP)
    fig = figures.histogram(result)
    assert sum(n for bar in fig.data for n in bar.y if n) == routed.get_parameter(UP).numel()
    assert [line.x0 for line in fig.layout.shapes] == [-result.threshold, result.threshold]  # type: ignore[operator]


def test_floats_are_drawn_in_one_colour_without_thresholds(vanilla: ByteLM) -> None:
    fig = figures.histogram(latent(vanilla, "embedding.weight"))
    assert len(fig.data) == 1
    assert not fig.layout.shapes


def test_the_caption_says_what_is_near_and_what_lies_outside() -> None:
    result = Latent("w", np.array([-1.0, 0, 1]), np.array([3, 3]), 1234, 0.5)
    assert "6.6 % lie so close" in figures.caption(result, 0.066)
    assert "1,234 that lie further out" in figures.caption(result, 0.066)
    assert figures.caption(result, None).startswith("These floats are used as they are.")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("blocks.0.dense.up.weight", "block 1 dense.up"),
        ("blocks.11.local.bias", "block 12 local.bias"),
        ("embedding.weight", "embedding"),
        ("norm.bias", "norm.bias"),
    ],
)
def test_blocks_are_counted_from_one_on_screen(name: str, shown: str) -> None:
    assert figures.label(name) == shown


def test_drawing_needs_neither_streamlit_nor_torch() -> None:
    look = "import sys, app.figures.weights; sys.exit(any(name in sys.modules for name in ('streamlit', 'torch')))"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
