import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilelli.base import build
from tilelli.config import KINDS, PATHWAYS, ModelConfig
from tilelli.errors import ConfigError
from tilelli.layout import FLOATS, Packing, places, shapes, ternary, whole
from tilelli.ternary import TernaryLinear, TernaryWeight

some = st.lists(st.sampled_from(PATHWAYS), max_size=3)
configs = st.builds(
    ModelConfig,
    kind=st.sampled_from(KINDS),
    d_model=st.integers(4, 9),
    n_blocks=st.integers(1, 3),
    n_heads=st.integers(1, 3),
    head_dim=st.integers(1, 4),
    kernel_size=st.integers(1, 5),
    expand=st.sampled_from([0.25, 1.0, 2.5]),
    context=st.integers(2, 9),
    ternary=some,
    pathways=some.filter(bool),
    abstain=st.booleans(),
    through_local=st.booleans(),
)


@given(configs)
def test_names_and_shapes_are_those_of_the_model_that_is_built(config: ModelConfig) -> None:
    with torch.device("meta"):
        model = build(config)
    assert shapes(config) == {name: tuple(value.shape) for name, value in model.state_dict().items()}


@given(configs)
def test_the_ternary_tensors_are_those_that_the_model_rounds(config: ModelConfig) -> None:
    with torch.device("meta"):
        model = build(config)
    rounded = {path for path, module in model.named_modules() if isinstance(module, TernaryWeight) and module.ternary}
    assert ternary(config) == {path.removesuffix("rounding") + "weight" for path in rounded}


@given(configs, st.sampled_from([0, 8]))
def test_inputs_are_rounded_where_the_model_rounds_them(config: ModelConfig, bits: int) -> None:
    config = dataclasses.replace(config, activation_bits=bits)
    with torch.device("meta"):
        model = build(config)
    layers = {path for path, module in model.named_modules() if isinstance(module, TernaryLinear) and module.in_steps}
    assert whole(config) == {f"{path}.weight" for path in layers}


@given(configs, st.sampled_from(FLOATS))
def test_a_packed_file_has_a_place_for_every_tensor(config: ModelConfig, floats: str) -> None:
    found, whole = places(config, floats), shapes(config)
    for name, shape in whole.items():
        dtype, place = found[name]
        if name in ternary(config):
            assert (dtype, place) == ("U8", (-(-shape[0] * shape[1] // 4),))
        else:
            assert place == shape
            assert dtype == {"float16": "F16", "int8": "I8" if len(shape) == 2 else "F16", "float32": "F32"}[floats]
    assert {name.removesuffix(".scale") for name in found} == set(whole)
    assert all(found[f"{name}.scale"][0] == "F32" for name in whole if found[name][0] in ("U8", "I8"))


def test_of_three_pathways_a_model_with_two_has_a_router_with_two() -> None:
    config = ModelConfig(pathways=("local", "dense"), ternary=("dense", "sparse"), n_blocks=1)
    assert shapes(config)["blocks.0.router.score.weight"] == (2, 128)
    assert ternary(config) == {"blocks.0.dense.up.weight", "blocks.0.dense.down.weight"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"floats": "floats16"}, "The precision of floats is not known: 'floats16'. Did you mean 'float16'"),
        ({"source": "abc"}, "The source has no SHA-256: 'abc'"),
        ({"version": 2}, r"It was packed in another way: version 2\. Pack it again, or update\."),
    ],
)
def test_a_packing_that_makes_no_sense_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Packing.from_dict({"floats": "int8", "source": 64 * "a"} | settings)
