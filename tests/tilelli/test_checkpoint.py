import contextlib
import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from tests.conftest import MakeModel
from tests.tilelli.forge import lone_file, mutated, parts, whole, with_metadata
from tilelli import TilelliLM, VanillaLM
from tilelli.base import ByteLM
from tilelli.checkpoint import load, save_checkpoint, weights_hash, write
from tilelli.errors import CheckpointError
from tilelli.header import bundled

IDS = torch.randint(256, (1, 16), generator=torch.Generator().manual_seed(0))
SMALLEST = {"d_model": 4, "n_blocks": 1, "n_heads": 1, "head_dim": 1, "top_k": 1, "context": 2, "expand": 0.25}


@pytest.fixture(scope="module")
def smallest(tiny: MakeModel) -> ByteLM:
    """The smallest model that a configuration allows: its file has 6 kB."""
    return tiny("routed", **SMALLEST)


def test_a_saved_model_comes_back_exactly(model: ByteLM, tmp_path: Path) -> None:
    back = load(save_checkpoint(model, tmp_path), ByteLM)
    assert back.config == model.config
    assert all(torch.equal(back.state_dict()[key], value) for key, value in model.state_dict().items())
    assert torch.equal(back(IDS)[0], model(IDS)[0])
    assert weights_hash(back) == weights_hash(model)


def test_a_loaded_model_is_ready_to_run_and_not_to_learn(routed: ByteLM, tmp_path: Path) -> None:
    back = load(routed.save_pretrained(tmp_path), ByteLM)
    assert not back.training
    assert not any(p.requires_grad or p.is_meta for p in back.parameters())


@pytest.mark.parametrize("name", ["", "model.safetensors"])
def test_a_folder_and_its_file_are_the_same_checkpoint(routed: ByteLM, tmp_path: Path, name: str) -> None:
    routed.save_pretrained(tmp_path)
    assert weights_hash(TilelliLM.from_pretrained(tmp_path / name)) == weights_hash(routed)
    assert weights_hash(TilelliLM.from_pretrained(str(tmp_path / name))) == weights_hash(routed)


def test_the_single_file_is_enough(routed: ByteLM, tmp_path: Path) -> None:
    back = load(lone_file(routed, tmp_path), ByteLM)
    assert (back.config, weights_hash(back), back.provenance) == (routed.config, weights_hash(routed), {})


def test_a_checkpoint_has_three_files_and_leaves_no_other(routed: ByteLM, tmp_path: Path) -> None:
    for _ in range(2):
        save_checkpoint(routed, tmp_path / "new" / "folder")
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == ["config.json", "model.safetensors", "training.json"]


def test_provenance_travels_with_the_weights(tiny: MakeModel, tmp_path: Path) -> None:
    model = tiny()
    model.provenance = {"steps": 7}
    assert load(save_checkpoint(model, tmp_path), ByteLM).provenance == {"steps": 7}


def test_a_broken_provenance_is_no_obstacle(routed: ByteLM, tmp_path: Path) -> None:
    (save_checkpoint(routed, tmp_path) / "training.json").write_text("[1, 2")
    assert load(tmp_path, ByteLM).provenance == {}


def test_the_hash_is_one_over_names_shapes_and_numbers(smallest: ByteLM) -> None:
    digest = hashlib.sha256()
    for key in sorted(smallest.state_dict()):
        value = smallest.state_dict()[key]
        digest.update(f"{key}{list(value.shape)}".encode() + value.numpy().tobytes())
    assert weights_hash(smallest) == digest.hexdigest()


def test_the_hash_knows_the_weights_and_nothing_else(tiny: MakeModel) -> None:
    model, other = tiny(), tiny()
    other.provenance = {"steps": 1}
    assert weights_hash(model) == weights_hash(other)
    other.norm.bias[3] += 1e-3
    assert weights_hash(model) != weights_hash(other)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_float32(smallest: ByteLM, tmp_path: Path, dtype: torch.dtype) -> None:
    path = lone_file(smallest, tmp_path)
    tensors = {key: value.to(dtype) for key, value in load_file(path).items()}
    save_file(tensors, path, parts(path.read_bytes())[0]["__metadata__"])
    back = load(path, ByteLM)
    assert {p.dtype for p in back.parameters()} == {torch.float32}
    assert torch.equal(back.norm.bias, tensors["norm.bias"].float())


def test_a_model_of_the_other_kind_is_refused(vanilla: ByteLM, tmp_path: Path) -> None:
    save_checkpoint(vanilla, tmp_path)
    with pytest.raises(CheckpointError, match=r"not a TilelliLM: .* holds a vanilla model\. Load it with VanillaLM"):
        TilelliLM.from_pretrained(tmp_path)
    assert isinstance(VanillaLM.from_pretrained(tmp_path), VanillaLM)


def test_every_bundled_checkpoint_can_be_opened() -> None:
    for name in bundled():
        assert load(name, ByteLM).num_parameters() > 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tiny: MakeModel, tmp_path: Path, bad: float) -> None:
    model = tiny(**SMALLEST)
    model.norm.bias[1] = bad
    with pytest.raises(CheckpointError, match=r"not finite: 1 of 4 in norm\.bias\. Its training went wrong"):
        load(save_checkpoint(model, tmp_path), ByteLM)


def test_a_missing_tensor_is_named(smallest: ByteLM, tmp_path: Path) -> None:
    path = lone_file(smallest, tmp_path)
    tensors, metadata = load_file(path), parts(path.read_bytes())[0]["__metadata__"]
    del tensors["norm.weight"]
    path.write_bytes(save(tensors, metadata))
    with pytest.raises(CheckpointError, match=r"a tensor is missing: norm\.weight\. Use the config\.json it was"):
        load(path, ByteLM)


def test_a_tensor_too_many_is_named(smallest: ByteLM, tmp_path: Path) -> None:
    path = lone_file(smallest, tmp_path)
    metadata = parts(path.read_bytes())[0]["__metadata__"]
    path.write_bytes(save(load_file(path) | {"spare": torch.zeros(2)}, metadata))
    with pytest.raises(CheckpointError, match="a tensor does not belong to this configuration: spare"):
        load(path, ByteLM)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 8}, r"wrong shape: embedding\.weight is \[256, 4\], its configuration says \[256, 8\]"),
        ({"d_model": 4096, "n_blocks": 128, "context": 65536}, "a tensor is missing"),
        ({"expand": 16, "n_heads": 128, "head_dim": 512}, "wrong shape"),
        ({"kind": "vanilla"}, "does not belong to this configuration|is missing"),
    ],
    ids=["wider", "absurdly large", "absurdly wide inside", "of the other kind"],
)
def test_a_configuration_of_another_size_is_refused(
    smallest: ByteLM, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    config = json.dumps(smallest.config.to_dict() | changes)
    path = with_metadata(lone_file(smallest, tmp_path), {"config": config})
    with pytest.raises(CheckpointError, match=message):
        load(path, ByteLM)


class Bomb:
    """Would write a file if it were ever unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path, str]]:
        return Path.write_text, (self.target, "boom")


@pytest.mark.parametrize("how", ["torch zip", "torch legacy", *(f"pickle protocol {n}" for n in range(2, 6))])
def test_a_pickle_is_never_opened_and_says_how_to_convert_it(tmp_path: Path, how: str) -> None:
    path, bomb = tmp_path / "model.bin", Bomb(tmp_path / "fired")
    if how.startswith("torch"):
        torch.save(bomb, path, _use_new_zipfile_serialization=how == "torch zip")
    else:
        path.write_bytes(pickle.dumps(bomb, protocol=int(how[-1])))
    with pytest.raises(CheckpointError, match=r"A pickle can run code .*: model\.bin\. Convert it .*weights_only=True"):
        load(path, ByteLM)
    assert not (tmp_path / "fired").exists()


def test_an_accident_to_a_file_loads_or_is_refused_and_nothing_else(smallest: ByteLM, tmp_path: Path) -> None:
    path = lone_file(smallest, tmp_path)
    content, problems = path.read_bytes(), []
    for seed in range(150):
        path.write_bytes(mutated(content, seed))
        try:
            load(path, ByteLM)
        except CheckpointError:
            continue
        except BaseException as error:
            problems.append(f"seed {seed}: {type(error).__name__}: {str(error)[:100]}")
    assert problems == []


def header_of_its_own(case: str, header: dict[str, object], metadata: dict[str, str]) -> bytes:
    """Headers that Python's JSON reads and the safetensors library does not."""
    first = next(key for key in header if key != "__metadata__")
    entry = header[first]
    assert isinstance(entry, dict)
    variants: dict[str, bytes] = {
        "metadata that is no text": json.dumps(header | {"__metadata__": metadata | {"n": 1}}).encode(),
        "three offsets": json.dumps(header | {first: entry | {"data_offsets": [*entry["data_offsets"], 9]}}).encode(),
        "a dtype that is a list": json.dumps(header | {first: entry | {"dtype": []}}).encode(),
        "no offsets": json.dumps({key: value | {"data_offsets": []} for key, value in header.items()}).encode(),
        "UTF-16": json.dumps(header).encode("utf-16"),
        "a lone surrogate": json.dumps(header | {"__metadata__": metadata | {"x": "\ud800"}}).encode(),
        "not a number": json.dumps(header | {"__metadata__": metadata | {"x": float("nan")}}).encode(),
        "twice the same name": json.dumps(header)[:-1].encode() + f', "{first}": {json.dumps(entry)}}}'.encode(),
    }
    return variants[case]


@pytest.mark.parametrize(
    "case",
    [
        "metadata that is no text",
        "three offsets",
        "a dtype that is a list",
        "no offsets",
        "UTF-16",
        "a lone surrogate",
        "not a number",
        "twice the same name",
    ],
)
def test_a_header_that_only_half_the_readers_accept_loads_or_is_refused(
    smallest: ByteLM, tmp_path: Path, case: str
) -> None:
    path = lone_file(smallest, tmp_path)
    header, body = parts(path.read_bytes())
    path.write_bytes(whole(header_of_its_own(case, header, header["__metadata__"]), body))
    with contextlib.suppress(CheckpointError):
        load(path, ByteLM)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write(path, b"old")

    def fail(*arguments: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write(path, b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"old")]
