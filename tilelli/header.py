"""What a checkpoint says of itself, checked before any weight is read.

A file is believed only after its header, its size and its configuration agree with each other. That takes no memory to
speak of, no torch, and no trust: nothing is ever unpickled or executed. Weights are read in `checkpoint.py`, and those
of packed files in `packed.py`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilelli.config import ModelConfig
from tilelli.errors import CheckpointError, ConfigError
from tilelli.hub import download
from tilelli.layout import Packing, Shape, places, shapes

WEIGHTS, CONFIG, PROVENANCE = "model.safetensors", "config.json", "training.json"
PACKED = "model.packed.safetensors"
SPLICE = "::"  # BASE::PARTS::DONOR, see `tilelli.splice`
BUNDLED = Path(__file__).parent / "pretrained"
LARGEST_HEADER = 16 * 2**20
LARGEST_JSON = 64 * 2**20
ITEM_SIZE = {"F32": 4, "F16": 2, "BF16": 2}
PACKED_ITEM_SIZE = {"F32": 4, "F16": 2, "I8": 1, "U8": 1}
Places = dict[str, tuple[str, Shape]]
CONVERT = (
    "Convert it where you trust it: torch.load(FILE, weights_only=True), then safetensors.torch.save_file(tensors, "
    '"model.safetensors", {"config": CONFIG_AS_JSON}).'
)


@dataclass(frozen=True)
class Header:
    """What a checkpoint says of itself before any weight is read. `packing` is there if it is packed; `shapes` are then
    those of the model, not of what the file holds in their place."""

    path: Path
    config: ModelConfig
    shapes: dict[str, Shape]
    provenance: dict[str, Any]
    file_size: int
    packing: Packing | None = None

    @property
    def num_parameters(self) -> int:
        return sum(_count(shape) for shape in self.shapes.values())


def bundled() -> list[str]:
    """Names of the checkpoints that ship with the package, such as `tilelli/mini`."""
    return [f"tilelli/{folder.name}" for folder in sorted(BUNDLED.iterdir()) if (folder / WEIGHTS).is_file()]


def find(name: str | Path) -> Path:
    """The weights file behind a bundled name, a folder, a file or a hub name.

    Raises:
        CheckpointError: there is no such thing, or the hub cannot be reached.
    """
    text = str(name)
    if text in bundled():
        return BUNDLED / text.split("/")[1] / WEIGHTS
    try:
        path = Path(text).expanduser()
        folder, file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError, ValueError):  # too long for a path, or the home of nobody
        folder = file = False
    if folder:
        for weights in (WEIGHTS, PACKED):
            if (path / weights).is_file():
                return path / weights
        raise CheckpointError("The folder holds no checkpoint", f"{path} without {WEIGHTS}", "Name another folder.")
    if file:
        return path
    return download(text, (WEIGHTS, PACKED), (CONFIG, PROVENANCE), bundled())


def read_header(name: str | Path) -> Header:
    """Check a checkpoint as far as possible without reading its weights.

    Raises:
        CheckpointError: the file is not a safetensors file, is cut off, claims more than it holds, or has no valid
            configuration.
        InputError: the name is that of a splice whose parts do not fit.
    """
    if SPLICE in str(name):
        from tilelli.splice import spliced_header

        return spliced_header(str(name))
    path = find(name)
    tensors, metadata = _tensors_of(path)
    size = path.stat().st_size
    if "packing" in metadata:
        return _packed_header(path, tensors, metadata, size)
    config = _config_of(path, metadata)
    provenance = _read_json(path.with_name(PROVENANCE))
    own = {name: shape for name, (_, shape) in tensors.items()}
    return Header(path, config, own, provenance if isinstance(provenance, dict) else {}, size)


def check_tensors(header: Header) -> None:
    """Whether the file has just the tensors that its configuration needs; a packed one was refused before if not.

    Raises:
        CheckpointError: one is missing, too many, or of another shape.
    """
    expected, remedy = shapes(header.config), "Use the config.json it was saved with."
    for key in sorted(expected.keys() ^ header.shapes.keys()):
        problem = "is missing" if key in expected else "does not belong to this configuration"
        raise CheckpointError(f"{header.path.name}: a tensor {problem}", key, remedy)
    for key, shape in expected.items():
        if header.shapes[key] != shape:
            seen = f"{key} is {list(header.shapes[key])}, its configuration says {list(shape)}"
            raise CheckpointError(f"{header.path.name}: a tensor has the wrong shape", seen, remedy)


def _packed_header(path: Path, tensors: Places, metadata: dict[str, Any], size: int) -> Header:
    """A packed file is whole in itself: files beside it belong to something else. It holds what its configuration and
    its packing say, to the byte."""
    told = {name: _parsed(metadata.get(name)) for name in ("config", "packing", "provenance")}
    try:
        config = ModelConfig.from_dict(told["config"], path.name)
        packing = Packing.from_dict(told["packing"], path.name)
    except (ConfigError, TypeError) as error:
        said = (error.happened, error.seen) if isinstance(error, ConfigError) else ("A setting is missing", "packing")
        raise CheckpointError(f"{path.name}: {said[0]}", said[1], "Pack it again, or get it again.") from None
    expected = places(config, packing.floats)
    for key in sorted(expected.keys() | tensors.keys()):
        if expected.get(key) != tensors.get(key):
            seen = f"{key} should be {_spoken(expected.get(key))} and is {_spoken(tensors.get(key))}"
            raise CheckpointError(f"{path.name} is not packed as it says", seen, "Pack it again, or get it again.")
    provenance = told["provenance"] if isinstance(told["provenance"], dict) else {}
    return Header(path, config, shapes(config), provenance, size, packing)


def _spoken(place: tuple[str, Shape] | None) -> str:
    return "absent" if place is None else f"{place[0]} {list(place[1])}"


def _tensors_of(path: Path) -> tuple[Places, dict[str, Any]]:
    """Types, shapes and metadata from a safetensors header whose claims all fit the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > LARGEST_HEADER or length > size - 8:
            if start[:4] == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] <= b"\x05"):
                raise CheckpointError("A pickle can run code and is not opened", path.name, CONVERT)
            seen = f"{path.name} has {size} bytes and claims a header of {length}"
            raise CheckpointError("The file is not a whole safetensors file", seen, "Get it again, or name another.")
        raw = file.read(length)
    try:
        header = json.loads(raw.decode())
        metadata = header.pop("__metadata__", {})
        entries = {key: (e["dtype"], tuple(e["shape"]), tuple(e["data_offsets"])) for key, e in header.items()}
        spans = sorted(span for _, _, span in entries.values())
        claimed = spans[-1][1] if spans else 0
        plain = isinstance(metadata, dict) and all(
            isinstance(dtype, str) and len(span) == 2 and all(type(n) is int and n >= 0 for n in (*shape, *span))
            for dtype, shape, span in entries.values()
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        plain = False
    if not plain:
        raise CheckpointError(
            "The header is not that of a safetensors file", path.name, "Get it again, or name another."
        )
    if claimed != size - 8 - length:
        seen = f"{path.name} claims {claimed} bytes of weights and holds {size - 8 - length}"
        raise CheckpointError("The file is not as long as it says", seen, "It may be cut off: get it again.")
    packed, end = "packing" in metadata, 0
    sizes = PACKED_ITEM_SIZE if packed else ITEM_SIZE
    for dtype, shape, span in sorted(entries.values(), key=lambda e: e[2]):
        if dtype not in sizes or span[0] != end or span[1] - span[0] != _count(shape) * sizes[dtype]:
            seen = f"{dtype} {list(shape)} at {list(span)}"
            remedy = "Get it again." if packed else "Use float32 or float16 weights."
            raise CheckpointError(f"{path.name}: a tensor does not fit its place", seen, remedy)
        end = span[1]
    return {key: (dtype, shape) for key, (dtype, shape, _) in entries.items()}, metadata


def _config_of(path: Path, metadata: dict[str, Any]) -> ModelConfig:
    """The configuration inside the file; one beside it must say the same."""
    inside = _parsed(metadata.get("config"))
    beside = _read_json(path.with_name(CONFIG))
    found = inside if inside is not None else beside
    if not isinstance(found, dict):
        raise CheckpointError(
            "The file holds no Tilelli configuration", path.name, "Put the config.json it was trained with beside it."
        )
    try:
        config = ModelConfig.from_dict(found, path.name)
        other = ModelConfig.from_dict(beside, CONFIG) if isinstance(beside, dict) else config
    except ConfigError as error:
        raise CheckpointError(error.happened, error.seen, error.remedy) from None
    for key, value in config.to_dict().items():
        if other.to_dict()[key] != value:
            raise CheckpointError(
                f"{path.name} holds {key} {value}, but {CONFIG} beside it says otherwise",
                str(other.to_dict()[key]),
                "Use the config it was saved with.",
            )
    return config


def _parsed(text: Any) -> Any:
    """What a text of JSON says; None if it is not one."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None


def _read_json(path: Path) -> Any:
    """Content of a small JSON file; None if it is not there or cannot be read."""
    try:
        return json.loads(path.read_bytes()) if path.stat().st_size <= LARGEST_JSON else None
    except (OSError, ValueError, RecursionError):
        return None


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total
