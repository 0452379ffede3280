import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from tests.conftest import MakeModel, random_model
from tests.tilelli.forge import parts
from tilelli.base import ByteLM, build
from tilelli.checkpoint import load, save_checkpoint, save_packed, weights_hash
from tilelli.config import ModelConfig, Recipe
from tilelli.errors import CheckpointError, ConfigError, InputError
from tilelli.header import bundled, read_header
from tilelli.layout import FLOATS, ternary
from tilelli.packed import latent, quantize, weights
from tilelli.splice import parse, splice
from tilelli.ternary import quantize as in_torch

IDS = torch.randint(256, (1, 16), generator=torch.Generator().manual_seed(0))
LITE = Recipe.from_yaml(Path(__file__).parents[2] / "configs" / "lite_10m.yaml").model
matrices = st.tuples(st.integers(1, 30), st.integers(1, 40), st.integers(0, 10**6), st.floats(-4, 3), st.booleans())


def matrix(shape: tuple[int, int, int, float, bool]) -> torch.Tensor:
    """A random matrix of any size of numbers; of some most are small."""
    rows, columns, seed, size, peaked = shape
    drawn = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 10**size
    return drawn**3 if peaked else drawn


def packed(model: ByteLM, folder: Path, floats: str = "float16", **more: Any) -> Path:
    return save_packed(model, folder / "model.packed.safetensors", floats, **more)


@given(matrices.map(matrix))
def test_the_latent_weight_rounds_to_just_these_trits_and_this_scale(weight: torch.Tensor) -> None:
    trits, scale = in_torch(weight)
    again = torch.from_numpy(latent(trits.numpy(), np.float32(scale)))
    assert torch.equal(in_torch(again)[0], trits)
    assert in_torch(again)[1] == scale


@pytest.mark.parametrize("threads", [1, 2])
def test_it_does_so_however_many_threads_add_it_up(threads: int) -> None:
    trits, scale = in_torch(0.03 * torch.randn(1536, 384))
    again, before = torch.from_numpy(latent(trits.numpy(), np.float32(scale))), torch.get_num_threads()
    torch.set_num_threads(threads)
    assert in_torch(again)[1] == scale
    assert in_torch(again.T.contiguous().flip(0))[1] == scale
    torch.set_num_threads(before)
    assert quantize(again.numpy())[1] == scale


def test_trits_times_scale_would_not_round_to_themselves() -> None:
    trits, scale = in_torch(torch.tensor([[4.0, -1.0], [0.0, -3.0]]))
    assert in_torch(trits * scale)[1] == 0.5 * scale
    assert latent(trits.numpy(), np.float32(scale)).tolist() == [[4.0, 0.0], [0.0, -4.0]]


def test_a_tensor_of_nothing_but_zeros_stays_one() -> None:
    trits, scale = in_torch(torch.zeros(3, 3))
    again = latent(trits.numpy(), np.float32(scale))
    assert not again.any()
    assert quantize(again)[1] == scale


def test_beyond_what_float32_adds_exactly_the_scale_is_right_to_rounding() -> None:
    trits = np.ones((4097, 4097), dtype=np.int8)
    again = latent(trits, np.float32(0.3))
    assert (again > 0).all()
    assert again.mean(dtype=np.float64) == pytest.approx(0.3, rel=1e-6)


@given(matrices.map(matrix))
def test_numpy_rounds_as_torch_does(weight: torch.Tensor) -> None:
    (trits, scale), (expected, other) = quantize(weight.numpy()), in_torch(weight)
    assert float(scale) == pytest.approx(float(other), rel=1e-6)
    near = (weight.abs() / other - 0.5).abs() < 1e-5  # a scale that differs in its last digit may decide these
    assert torch.equal(torch.from_numpy(trits)[~near], expected[~near])


def test_halves_are_rounded_to_even_in_both() -> None:
    weight = torch.tensor([[0.5, -0.5, 1.5, -1.5, 1.0, 1.0]])
    assert quantize(weight.numpy())[0].tolist() == in_torch(weight)[0].tolist() == [[0, 0, 1, -1, 1, 1]]


@pytest.mark.parametrize("floats", FLOATS)
def test_unpacking_gives_the_quantized_weights_bit_for_bit(routed: ByteLM, tmp_path: Path, floats: str) -> None:
    header = read_header(packed(routed, tmp_path, floats))
    used, state, back = weights(header), routed.state_dict(), load(header.path, ByteLM).state_dict()
    assert used.keys() == state.keys() == back.keys()
    for name in ternary(routed.config):
        trits, scale = in_torch(state[name])
        assert torch.equal(torch.from_numpy(used[name]), trits * scale)
        assert [torch.equal(*pair) for pair in zip(in_torch(back[name]), (trits, scale), strict=True)] == [True, True]


def as_stated(value: torch.Tensor, floats: str) -> tuple[torch.Tensor, torch.Tensor | float]:
    """What a float tensor becomes at a precision, and the error allowed at most."""
    if floats == "int8" and value.ndim == 2:
        return value, 0.5 * value.abs().amax(dim=1, keepdim=True) / 127 * (1 + 2**-14)
    return (value, 0.0) if floats == "float32" else (value.half().float(), 0.0)


@pytest.mark.parametrize("floats", FLOATS)
def test_floats_are_kept_as_precisely_as_the_file_says(model: ByteLM, tmp_path: Path, floats: str) -> None:
    header = read_header(packed(model, tmp_path, floats))
    used, back = weights(header), load(header.path, ByteLM).state_dict()
    for name, value in model.state_dict().items():
        if name not in ternary(model.config):
            assert torch.equal(back[name], torch.from_numpy(used[name]))
            expected, error = as_stated(value, floats)
            assert ((back[name] - expected).abs() <= error).all()


@torch.no_grad()  # with gradients the weight in use is latent + (rounded - latent), which differs in the last digit
@pytest.mark.parametrize(("floats", "error"), [("float32", 0.0), ("float16", 0.01), ("int8", 0.1)])
def test_a_packed_model_says_what_its_source_says(tiny: MakeModel, tmp_path: Path, floats: str, error: float) -> None:
    for kind in ("routed", "vanilla"):
        model = tiny(kind, top_k=16, abstain=True)  # keeps all keys: at the edge of a few, rounding decides
        back = load(packed(model, tmp_path, floats), ByteLM)
        assert (back(IDS)[0] - model(IDS)[0]).abs().max() <= error


@torch.no_grad()
def test_a_bundled_model_packed_exactly_is_the_same_function(tmp_path: Path) -> None:
    for name in bundled():
        model, ids = load(name, ByteLM), torch.arange(64)[None]
        back = load(packed(model, tmp_path, "float32"), ByteLM)
        assert torch.equal(back(ids)[0], model(ids)[0])


def test_a_packed_checkpoint_is_one_like_any_other(tiny: MakeModel, tmp_path: Path) -> None:
    model = tiny()
    model.provenance = {"steps": 7}
    path = packed(model, tmp_path)
    told, back = read_header(tmp_path), load(str(tmp_path), ByteLM)  # the folder will do
    assert (told.config, told.path, told.provenance) == (model.config, path, {"steps": 7})
    assert told.shapes == {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert told.num_parameters == model.num_parameters()
    assert told.file_size == path.stat().st_size
    assert told.packing is not None
    assert (told.packing.floats, told.packing.source) == ("float16", weights_hash(model))
    assert (back.config, back.provenance) == (model.config, {"steps": 7})
    assert not any(p.requires_grad or p.is_meta for p in back.parameters())


def test_beside_an_ordinary_checkpoint_the_folder_is_that_one(tiny: MakeModel, tmp_path: Path) -> None:
    packed(tiny(seed=1), tmp_path)
    save_checkpoint(model := tiny(seed=2), tmp_path)
    assert weights_hash(load(tmp_path, ByteLM)) == weights_hash(model)


def test_what_lies_beside_a_packed_file_belongs_to_something_else(tiny: MakeModel, tmp_path: Path) -> None:
    save_checkpoint(tiny(d_model=8), tmp_path)
    assert read_header(packed(tiny(), tmp_path)).config.d_model == 16


@pytest.mark.parametrize("floats", FLOATS)
def test_what_is_unpacked_and_packed_again_is_the_same_file(model: ByteLM, tmp_path: Path, floats: str) -> None:
    first = packed(model, tmp_path / "a", floats)
    again = packed(load(first, ByteLM), tmp_path / "b", floats, source=weights_hash(model))
    assert again.read_bytes() == first.read_bytes()


@torch.no_grad()
def test_saved_as_an_ordinary_checkpoint_it_means_the_same(routed: ByteLM, tmp_path: Path) -> None:
    back = load(packed(routed, tmp_path / "a"), ByteLM)
    again = load(save_checkpoint(back, tmp_path / "b"), ByteLM)
    assert read_header(tmp_path / "b").packing is None
    assert torch.equal(again(IDS)[0], back(IDS)[0])


def test_its_parts_can_be_spliced_into_another(tiny: MakeModel, tmp_path: Path) -> None:
    base, donor = tiny(seed=1), load(packed(tiny(seed=2), tmp_path), ByteLM)
    spliced = splice(base, donor, parse("dense@1"))
    for name, value in donor.state_dict().items():
        taken = name.startswith("blocks.0.dense.")
        assert torch.equal(spliced.state_dict()[name], value if taken else base.state_dict()[name])
    save_checkpoint(base, tmp_path / "base")
    told = read_header(f"{tmp_path}::router::{tmp_path / 'base'}")
    assert told.packing is None  # what comes of it is no packed file


def test_training_goes_on_from_it_without_a_jump(routed: ByteLM, tmp_path: Path) -> None:
    back = load(packed(routed, tmp_path, "float32"), ByteLM).requires_grad_(True)
    optimizer = torch.optim.SGD(back.parameters(), lr=1e-7)
    back(IDS)[0].square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for n, p in back.named_parameters() if "dense" in n)
    optimizer.step()
    with torch.no_grad():
        torch.testing.assert_close(back(IDS)[0], routed(IDS)[0], atol=1e-2, rtol=1e-3)


def test_the_published_shape_packs_as_small_as_promised(tmp_path: Path) -> None:
    def size(floats: str, *parts: str) -> int:
        torch.manual_seed(0)
        config = ModelConfig.from_dict(LITE.to_dict() | {"ternary": parts})
        return packed(build(config), tmp_path, floats).stat().st_size

    assert size("int8", "local", "sparse", "dense") < 3.0e6
    assert size("float16", "local", "sparse", "dense") < 3.1e6
    assert size("int8", "dense") < 6.0e6


def changed(path: Path, name: str, change: NDArray[Any]) -> Path:
    """The packed file at `path` with other numbers in one of its tensors."""
    metadata = parts(path.read_bytes())[0]["__metadata__"]
    path.write_bytes(save(load_file(path) | {name: change}, metadata))
    return path


UP = "blocks.0.dense.up.weight"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (UP, np.full(128, 0b11010101, np.uint8), r"holds a trit that is none: blocks\.0\.dense\.up\.weight holds a 3"),
        (f"{UP}.scale", np.array(np.nan, np.float32), r"holds a scale that is none: nan in blocks\.0\.dense\.up"),
        (f"{UP}.scale", np.array(-1, np.float32), "holds a scale that is none: -1 in"),
        (f"{UP}.scale", np.array(1e38, np.float32), r"holds a scale that is none: 1e\+38 in"),
        ("norm.bias", np.full(16, np.inf, np.float16), r"numbers that are not finite: 16 of 16 in norm\.bias"),
        ("positions.weight.scale", np.full(16, 3e38, np.float32), r"not finite: \d+ of 256 in positions\.weight"),
    ],
)
@pytest.mark.parametrize("reader", ["torch", "numpy"])
def test_numbers_that_no_packing_writes_are_refused(
    routed: ByteLM, tmp_path: Path, name: str, change: NDArray[Any], message: str, reader: str
) -> None:
    path = changed(packed(routed, tmp_path, "int8"), name, change)
    with pytest.raises(CheckpointError, match=message):
        load(path, ByteLM) if reader == "torch" else weights(read_header(path))


def test_a_number_beyond_float16_is_refused_with_a_way_out(tiny: MakeModel, tmp_path: Path) -> None:
    model = tiny()
    model.norm.bias[2] = 1e5
    message = r"too large for float16: 100000 in norm\.bias\. Keep it exactly: --floats float32"
    with pytest.raises(InputError, match=message):
        packed(model, tmp_path)
    assert load(packed(model, tmp_path, "float32"), ByteLM).norm.bias[2] == 1e5


def test_a_precision_that_does_not_exist_is_refused(routed: ByteLM, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"precision of floats is not known: 'float61'\. Did you mean 'float16'"):
        packed(routed, tmp_path, "float61")


@pytest.mark.parametrize("values", [[0.0, 0.0], [1e-45, 0.0], [3e38, -3e38], [1.0, -127.0]])
def test_rows_of_any_size_are_kept_as_whole_numbers(tiny: MakeModel, tmp_path: Path, values: list[float]) -> None:
    model = tiny()
    model.positions.weight[3] = torch.tensor(8 * values)
    back = load(packed(model, tmp_path, "int8"), ByteLM).positions.weight[3]
    torch.testing.assert_close(back, torch.tensor(8 * values), rtol=1e-4, atol=1e-44)


def test_what_the_file_says_of_itself_can_be_read_by_anyone(routed: ByteLM, tmp_path: Path) -> None:
    metadata = parts(packed(routed, tmp_path, "int8").read_bytes())[0]["__metadata__"]
    assert json.loads(metadata["config"]) == routed.config.to_dict()
    assert json.loads(metadata["packing"]) == {"floats": "int8", "source": weights_hash(routed), "version": 1}
    assert json.loads(metadata["provenance"]) == routed.provenance


def test_the_first_trit_stands_in_the_lowest_bits(tmp_path: Path) -> None:
    model = random_model(d_model=4, n_blocks=1, n_heads=1, head_dim=1, expand=0.25)
    model.blocks[0].dense.up.weight.copy_(torch.tensor([[1.0, -1.0, 0.0, 1.0]]))  # type: ignore[union-attr,operator]
    assert load_file(packed(model, tmp_path))[UP].tolist() == [2 | 0 << 2 | 1 << 4 | 2 << 6]


def test_torch_and_numpy_find_the_same_trits_where_the_last_digit_of_the_scale_decides() -> None:
    """A third of the weights stands just where a trit flips, as training leaves them."""
    chance = torch.Generator().manual_seed(0)
    for rows in (96, 120, 333, 480):
        weight = torch.randn(rows, 120, generator=chance)
        for _ in range(20):  # the scale moves with the weights that are put there
            edge = 0.5 * weight.abs().mean(dtype=torch.float64).float()
            weight[: rows // 3] = edge * weight[: rows // 3].sign()
        trits, scale = in_torch(weight)
        found, size = quantize(weight.numpy())
        np.testing.assert_array_equal(found, trits.numpy())
        assert size == scale.item()
