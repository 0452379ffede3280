import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from tests.conftest import MakeModel
from tests.tilelli.forge import lone_file, mutated, parts, whole, with_metadata
from tilelli import header, hub
from tilelli.base import ByteLM
from tilelli.checkpoint import load, save_checkpoint, save_packed
from tilelli.errors import CheckpointError
from tilelli.header import bundled, find, read_header

TENTH = 10 * 2**30  # ten gigabytes, in a file of a few kilobytes


@pytest.fixture
def path(tiny: MakeModel, tmp_path: Path) -> Path:
    """A valid file of the smallest model, with nothing beside it."""
    model = tiny(d_model=4, n_blocks=1, n_heads=1, head_dim=1, top_k=1, context=2, expand=0.25)
    return lone_file(model, tmp_path)


def test_a_header_tells_what_the_model_will_be(routed: ByteLM, tmp_path: Path) -> None:
    routed.provenance, before = {"steps": 3}, routed.provenance
    told = read_header(save_checkpoint(routed, tmp_path))
    routed.provenance = before
    assert told.config == routed.config
    assert told.num_parameters == routed.num_parameters()
    assert told.shapes["positions.weight"] == (16, 16)
    assert told.provenance == {"steps": 3}
    assert told.file_size == told.path.stat().st_size


def test_a_file_without_its_configuration_takes_the_one_beside_it(path: Path, routed: ByteLM) -> None:
    config = parts(path.read_bytes())[0]["__metadata__"]["config"]
    path.with_name("config.json").write_text(config)
    assert read_header(with_metadata(path, {})).config.d_model == 4


def test_a_configuration_beside_that_disagrees_is_refused(path: Path) -> None:
    config = json.loads(parts(path.read_bytes())[0]["__metadata__"]["config"])
    path.with_name("config.json").write_text(json.dumps(config | {"top_k": 2}))
    message = r"model\.safetensors holds top_k 1, but config\.json beside it says otherwise: 2\. Use the config it was"
    with pytest.raises(CheckpointError, match=message):
        read_header(path)


def test_a_foreign_file_is_told_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "bert.safetensors").write_bytes(save({"weight": torch.zeros(3)}))
    with pytest.raises(CheckpointError, match=r"no Tilelli configuration: bert\.safetensors\. Put the config\.json"):
        read_header(tmp_path / "bert.safetensors")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a whole safetensors file: .* has 0 bytes"),
        (b"\x00", "not a whole safetensors file"),
        (b"hello, I am a text and no checkpoint\n" * 9, "not a whole safetensors file"),
        (bytes(range(200, 256)) * 50, "not a whole safetensors file"),
        (bytes(8), "not that of a safetensors file"),
        (TENTH.to_bytes(8, "little") + b"{}", "claims a header of 10737418240"),
        ((2**64 - 1).to_bytes(8, "little") + b"{}", "claims a header of 18446744073709551615"),
        (whole(b"garbage!", b""), "not that of a safetensors file"),
        (whole([], b""), "not that of a safetensors file"),
        (whole(None, b""), "not that of a safetensors file"),
        (whole(b"[" * 100_000, b""), "not that of a safetensors file"),
        (whole(b'{"a":' * 100_000, b""), "not that of a safetensors file"),
        (whole({"a": 1}, b""), "not that of a safetensors file"),
        (whole({"a": {}}, b""), "not that of a safetensors file"),
        (whole({"__metadata__": []}, b""), "not that of a safetensors file"),
        (whole({}, b""), "no Tilelli configuration"),
        (whole({}, b"left over"), r"claims 0 bytes of weights and holds 9\. It may be cut off"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_is_no_checkpoint_is_refused_in_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        read_header(tmp_path)


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.999])
def test_a_file_that_was_cut_off_is_refused(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(CheckpointError, match=r"get it again|Get it again"):
        read_header(path)


def with_entry(path: Path, **changes: Any) -> Path:
    """Changes what the header says of `norm.bias`, four floats."""
    told, body = parts(path.read_bytes())
    told["norm.bias"] |= changes
    path.write_bytes(whole(told, body))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"data_offsets": [0, TENTH]},
        {"data_offsets": [TENTH, TENTH + 16]},
        {"data_offsets": [0, 16]},
        {"data_offsets": [16, 0]},
        {"data_offsets": [-16, 0]},
        {"data_offsets": [0]},
        {"data_offsets": []},
        {"data_offsets": None},
        {"data_offsets": "ab"},
        {"shape": [-4]},
        {"shape": [-2, -2]},
        {"shape": [True]},
        {"shape": [4.0]},
        {"shape": [5]},
        {"shape": [10**30]},
        {"shape": ["4"]},
        {"shape": None},
        {"dtype": "F64"},
        {"dtype": "I8"},
        {"dtype": None},
        {"dtype": []},
        {"dtype": {}},
    ],
    ids=str,
)
def test_a_tensor_that_does_not_fit_its_place_is_refused(path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=r"does not fit its place|not as long as it says|not that of a safetens"):
        read_header(with_entry(path, **changes))


def test_two_tensors_in_one_place_are_refused(path: Path) -> None:
    told, _ = parts(path.read_bytes())
    with pytest.raises(CheckpointError, match="does not fit its place"):
        read_header(with_entry(path, data_offsets=told["norm.weight"]["data_offsets"]))


def test_a_tensor_that_ends_before_it_begins_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [4]}
    (tmp_path / "model.safetensors").write_bytes(whole({"a": entry}, bytes(4)))
    with pytest.raises(CheckpointError, match=r"not that of a safetensors file|does not fit its place"):
        read_header(tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        "",
        "null",
        "5",
        '"text"',
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        "{}}",
        '{"d_model": ' + "9" * 5000 + "}",
    ],
    ids=lambda text: text[:8],
)
def test_a_configuration_that_is_none_is_refused(path: Path, config: str) -> None:
    with pytest.raises(CheckpointError, match="no Tilelli configuration"):
        read_header(with_metadata(path, {"config": config}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 10**9}, "d_model is out of range"),
        ({"n_blocks": 10**400}, "n_blocks is out of range"),
        ({"mix_scale": 10**400}, "mix_scale"),
        ({"mix_scale": float("nan")}, "mix_scale is out of range"),
        ({"context": -1}, "context is out of range"),
        ({"context": True}, "context has the wrong type"),
        ({"top_k": 1.5}, "top_k has the wrong type"),
        ({"kind": "magic"}, "kind is not known"),
        ({"ternary": [[1]]}, "ternary is not known"),
        ({"hidden_size": 4}, r"model\.safetensors has an unknown setting: 'hidden_size'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_absurd_configuration_is_refused_with_its_reason(path: Path, changes: dict[str, Any], message: str) -> None:
    config = json.loads(parts(path.read_bytes())[0]["__metadata__"]["config"])
    with pytest.raises(CheckpointError, match=message):
        read_header(with_metadata(path, {"config": json.dumps(config | changes)}))


@pytest.mark.parametrize("content", ["[" * 100_000, "5", "", "{"], ids=lambda text: text[:8])
def test_a_broken_configuration_beside_a_whole_file_is_no_obstacle(path: Path, content: str) -> None:
    path.with_name("config.json").write_text(content)
    assert read_header(path).config.d_model == 4


@pytest.mark.parametrize("length", [0x480, 0x580])
def test_a_header_whose_length_looks_like_a_pickle_is_read_all_the_same(path: Path, length: int) -> None:
    """The bytes 0x80 0x04 open a pickle of protocol 4, and also a header of 0x480 bytes."""
    told, body = parts(path.read_bytes())
    path.with_name("config.json").write_text(told.pop("__metadata__")["config"])
    raw = json.dumps(told, separators=(",", ":")).encode().ljust(length)
    path.write_bytes(whole(raw, body))
    assert path.read_bytes()[:2] == bytes((0x80, length >> 8))
    assert load(path, ByteLM).config.d_model == 4


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"The folder holds no checkpoint: .* without model\.safetensors"):
        find(tmp_path)


def test_bundled_names_stand_for_files_of_the_package(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(header, "BUNDLED", path.parent.parent)
    name = f"tilelli/{path.parent.name}"
    assert name in bundled()
    assert find(name) == path
    assert load(name, ByteLM).config.d_model == 4


def test_a_folder_of_ones_own_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    assert find("~/model.safetensors") == path


@pytest.mark.parametrize(
    "name",
    ["nothing", "a" * 5000, "a/" * 3000, "~nobody-of-that-name/x", "\0", "", "../x/y"],
    ids=lambda name: name[:10],
)
def test_a_name_that_is_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: False)
    with pytest.raises(CheckpointError, match=r"no such checkpoint|holds no checkpoint|neither bundled nor"):
        find(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_file_and_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hub, "_reachable", lambda endpoint: False)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        find(tmp_path / "pipe")


@pytest.fixture
def packed(tiny: MakeModel, tmp_path: Path) -> Path:
    """A valid packed file of the smallest model, with int8 matrices."""
    model = tiny(d_model=4, n_blocks=1, n_heads=1, head_dim=1, top_k=1, context=2, expand=0.25)
    return save_packed(model, tmp_path / "packed" / "small.packed.safetensors", "int8")


def reforged(path: Path, name: str, **changes: Any) -> Path:
    """The file at `path` with changes in one entry of its header; None as a change takes the key out."""
    told, body = parts(path.read_bytes())
    entry = told[name] | changes
    told[name] = {key: value for key, value in entry.items() if value is not None}
    path.write_bytes(whole(told, body))
    return path


UP = "blocks.0.dense.up.weight"


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (UP, {"data_offsets": [0, TENTH]}, r"does not fit its place: U8 \[1\] at \[0, 10737418240\]\. Get it again\."),
        (UP, {"data_offsets": [9999, TENTH]}, r"claims 10737418240 bytes of weights and holds \d+\. It may be cut"),
        (UP, {"shape": [TENTH]}, "does not fit its place"),
        (
            UP,
            {"dtype": "I8"},
            r"not packed as it says: blocks\.0\.dense\.up\.weight should be U8 \[1\] and is I8 \[1\]",
        ),
        (UP, {"dtype": "BF16"}, "does not fit its place"),
        (UP, {"shape": [1, 1]}, r"should be U8 \[1\] and is U8 \[1, 1\]"),
        (f"{UP}.scale", {"shape": [1]}, r"should be F32 \[\] and is F32 \[1\]"),
        ("embedding.weight", {"shape": [4, 256]}, r"should be I8 \[256, 4\] and is I8 \[4, 256\]"),
        ("embedding.weight", {"dtype": "U8"}, r"should be I8 \[256, 4\] and is U8 \[256, 4\]"),
        ("norm.bias", {"dtype": "BF16"}, "does not fit its place"),
        ("norm.bias", {"dtype": "I8", "shape": [8]}, r"should be F16 \[4\] and is I8 \[8\]"),
        ("__metadata__", {"config": None}, r"holds no settings: None\. Pack it again"),
        ("__metadata__", {"config": "[" * 100_000}, "holds no settings"),
        ("__metadata__", {"packing": ""}, "holds no settings"),
        ("__metadata__", {"packing": "{}"}, "A setting is missing: packing"),
        ("__metadata__", {"packing": '{"floats": ["int8"], "source": ""}'}, "floats has the wrong type"),
        ("__metadata__", {"packing": '{"floats": "int8", "source": "x"}'}, "The source has no SHA-256: 'x'"),
        ("__metadata__", {"packing": '{"floats": "int9", "source": "x"}'}, "precision of floats is not known: 'int9'"),
        ("__metadata__", {"packing": '{"floats": "int8", "source": "", "version": 2}'}, "another way: version 2"),
        ("__metadata__", {"packing": '{"floats": "int8", "sauce": ""}'}, "unknown setting: 'sauce'. Pack it"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_packed_file_holds_what_it_says_to_the_byte(
    packed: Path, name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_header(reforged(packed, name, **changes))


@pytest.mark.parametrize("other", [{"d_model": 8}, {"ternary": []}, {"n_blocks": 128}, {"kind": "vanilla"}])
def test_a_packed_file_under_another_configuration_is_refused(packed: Path, other: dict[str, Any]) -> None:
    config = json.loads(parts(packed.read_bytes())[0]["__metadata__"]["config"])
    with pytest.raises(CheckpointError, match=r"small\.packed\.safetensors is not packed as it says: .* should be "):
        read_header(reforged(packed, "__metadata__", config=json.dumps(config | other)))


def test_a_packed_file_under_another_precision_is_refused(packed: Path) -> None:
    packing = json.loads(parts(packed.read_bytes())[0]["__metadata__"]["packing"])
    with pytest.raises(CheckpointError, match=r"router\.score\.weight should be F16 \[3, 4\] and is I8 \[3, 4\]"):
        read_header(reforged(packed, "__metadata__", packing=json.dumps(packing | {"floats": "float16"})))


@pytest.mark.parametrize("content", [None, "[1, 2", "5", "[" * 100_000], ids=lambda text: str(text)[:6])
def test_a_packed_file_with_a_broken_provenance_is_opened_all_the_same(packed: Path, content: str | None) -> None:
    assert read_header(reforged(packed, "__metadata__", provenance=content)).provenance == {}


def test_trits_and_whole_numbers_have_no_place_in_an_ordinary_file(packed: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"a tensor does not fit its place: .*8 .* Use float32 or float16 weights"
    ):
        read_header(reforged(packed, "__metadata__", packing=None))


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.999])
def test_a_packed_file_that_was_cut_off_is_refused(packed: Path, keep: float) -> None:
    content = packed.read_bytes()
    packed.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(CheckpointError, match=r"get it again|Get it again"):
        read_header(packed)


def test_an_accident_to_a_packed_file_loads_or_is_refused_and_nothing_else(packed: Path) -> None:
    content, problems, loaded = packed.read_bytes(), [], 0
    for seed in range(300):
        packed.write_bytes(mutated(content, seed))
        try:
            load(packed, ByteLM)
            loaded += 1
        except CheckpointError:
            continue
        except BaseException as error:
            problems.append(f"seed {seed}: {type(error).__name__}: {str(error)[:100]}")
    assert problems == []
    assert 30 < loaded < 270


def test_a_packed_file_is_known_by_what_it_holds_whatever_it_is_called(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "upload").mkdir()
    (tmp_path / "upload" / "model.safetensors").write_bytes(packed.read_bytes())
    told = read_header(tmp_path / "upload")
    assert told.packing is not None
    assert told.packing.floats == "int8"
    assert load(tmp_path / "upload", ByteLM).config == told.config
