import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from app import theme
from app.figures import weights as figures
from probes.latents import Latent, latent
from probes.weights import tensors
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


def counted(edges: list[float], counts: list[int], scale: float | None, **changes: object) -> Latent:
    plain = Latent("w", np.array(edges), np.array(counts), 0, 0, edges[0], edges[-1], scale, 0.05, scale and 1)
    return dataclasses.replace(plain, **changes)


def test_bins_wear_the_colour_of_the_trit_they_become() -> None:
    bars = figures.gather_histogram(counted([-2.0, -1, 0, 1, 2], [1, 2, 3, 4], 2.0))
    assert bars is not None
    assert bars.heights == {-1: [1, None, None, None], 0: [None, 2, 3, None], 1: [None, None, None, 4]}


def test_every_weight_is_drawn_once_between_two_thresholds_with_their_bands(routed: ByteLM) -> None:
    result = latent(routed, UP, near=0.1)
    assert result.threshold is not None
    assert result.scale is not None
    fig = figures.histogram(result)
    drawn = sum(n for bar in fig.data for n in bar.y if n)
    assert drawn + result.below + result.above == routed.get_parameter(UP).numel()
    lines = [shape.x0 for shape in fig.layout.shapes if shape.type == "line"]
    bands = [(shape.x0, shape.x1) for shape in fig.layout.shapes if shape.type == "rect"]
    assert lines == [-result.threshold, result.threshold]
    assert np.diff(bands).ravel() == pytest.approx([0.2 * result.scale] * 2)
    assert np.mean(bands, axis=1) == pytest.approx(lines)


def test_floats_are_drawn_in_one_colour_without_thresholds(vanilla: ByteLM) -> None:
    fig = figures.histogram(latent(vanilla, "embedding.weight"))
    assert len(fig.data) == 1
    assert not fig.layout.shapes


def test_the_caption_says_what_is_near_and_what_lies_outside() -> None:
    said = figures.caption(counted([-1.0, 0, 1], [3, 3], 0.5, below=1234, above=1, lowest=-9.5, close=62))
    assert "62 weights (5.0 %) are in the shaded bands, at most 0.05 scales" in said
    assert "1,234 weights below and 1 above (99.5 % of all); the lowest is -9.5, the highest 1." in said
    said = figures.caption(counted([-1.0, 0, 1], [3, 3], None))
    assert said == "These floats are used as they are. Every weight is in the picture."


def test_drawing_needs_neither_streamlit_nor_torch() -> None:
    look = "import sys, app.figures.weights; sys.exit(any(name in sys.modules for name in ('streamlit', 'torch')))"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
