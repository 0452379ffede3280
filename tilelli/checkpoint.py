"""Checkpoints: a folder with `model.safetensors`, `config.json` and `training.json`.

The configuration also stands in the safetensors metadata, so the single file is enough. A file is believed only after
its header, its configuration and its size agree with each other; that takes no memory to speak of, and happens before
any is allocated. Nothing is ever unpickled. A checkpoint's identity is the SHA-256 of its weights.
"""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save

from tilelli.base import ByteLM, build
from tilelli.config import ModelConfig
from tilelli.errors import CheckpointError, ConfigError
from tilelli.hub import download

WEIGHTS, CONFIG, PROVENANCE = "model.safetensors", "config.json", "training.json"
BUNDLED = Path(__file__).parent / "pretrained"
LARGEST_HEADER = 16 * 2**20
LARGEST_JSON = 64 * 2**20
ITEM_SIZE = {"F32": 4, "F16": 2, "BF16": 2}
CONVERT = (
    "Convert it where you trust it: torch.load(FILE, weights_only=True), then safetensors.torch.save_file(tensors, "
    '"model.safetensors", {"config": CONFIG_AS_JSON}).'
)
Model = TypeVar("Model", bound=ByteLM)


@dataclass(frozen=True)
class Header:
    """What a checkpoint says of itself before any weight is read."""

    path: Path
    config: ModelConfig
    shapes: dict[str, tuple[int, ...]]
    provenance: dict[str, Any]
    file_size: int

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
    path = Path(text).expanduser()
    if path.is_dir():
        if (path / WEIGHTS).is_file():
            return path / WEIGHTS
        raise CheckpointError("The folder holds no checkpoint", f"{path} without {WEIGHTS}", "Name another folder.")
    if path.is_file():
        return path
    return download(text, (WEIGHTS, CONFIG, PROVENANCE), bundled())


def read_header(name: str | Path) -> Header:
    """Check a checkpoint as far as possible without reading its weights.

    Raises:
        CheckpointError: the file is not a safetensors file, is cut off, claims more than it holds, has no valid
            configuration, or its tensors are not those of that configuration.
    """
    path = find(name)
    tensors, metadata = _tensors_of(path)
    config = _config_of(path, metadata)
    with torch.device("meta"):
        expected = {key: tuple(value.shape) for key, value in build(config).state_dict().items()}
    for key in sorted(expected.keys() ^ tensors.keys()):
        problem = "is missing" if key in expected else "does not belong to this configuration"
        raise CheckpointError(f"{path.name}: a tensor {problem}", key, "Use the config.json it was saved with.")
    for key, shape in expected.items():
        if tensors[key] != shape:
            seen = f"{key} is {list(tensors[key])}, its configuration says {list(shape)}"
            raise CheckpointError(
                f"{path.name}: a tensor has the wrong shape", seen, "Use the config it was saved with."
            )
    provenance = _read_json(path.with_name(PROVENANCE))
    return Header(path, config, tensors, provenance if isinstance(provenance, dict) else {}, path.stat().st_size)


def load(name: str | Path, expect: type[Model]) -> Model:
    """The model in a checkpoint, ready to run: float32 on the CPU, in evaluation mode.

    Args:
        name: a bundled name (`tilelli/mini`), a folder, a file, or a hub name (`owner/name`).
        expect: `TilelliLM`, `VanillaLM`, or `ByteLM` for either.

    Raises:
        CheckpointError: whatever `read_header` refuses, a model of another kind, or weights that are not finite.
    """
    header = read_header(name)
    with torch.device("meta"):
        model = build(header.config)
    if not isinstance(model, expect):
        raise CheckpointError(
            f"The checkpoint is not a {expect.__name__}",
            f"{name} holds a {header.config.kind} model",
            f"Load it with {type(model).__name__}.from_pretrained.",
        )
    tensors = {key: value.float() for key, value in load_file(header.path).items()}
    for key, value in tensors.items():
        if not value.isfinite().all():
            bad = int((~value.isfinite()).sum())
            raise CheckpointError(
                f"{header.path.name} holds numbers that are not finite",
                f"{bad} of {value.numel()} in {key}",
                "Its training went wrong; use an earlier checkpoint.",
            )
    model.load_state_dict(tensors, strict=True, assign=True)
    model.provenance = header.provenance
    return model.eval().requires_grad_(False)


def save_checkpoint(model: ByteLM, folder: str | Path) -> Path:
    """Write a checkpoint folder, each file in one atomic step; returns the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = json.dumps(model.config.to_dict(), sort_keys=True)
    tensors = {key: value.detach().float().contiguous() for key, value in model.state_dict().items()}
    write(folder / WEIGHTS, save(tensors, {"format": "pt", "config": config}))
    write(folder / CONFIG, json.dumps(model.config.to_dict(), indent=2).encode() + b"\n")
    write(folder / PROVENANCE, json.dumps(model.provenance, indent=1).encode() + b"\n")
    return folder


def weights_hash(model: ByteLM) -> str:
    """SHA-256 over name, shape and float32 bytes of every tensor, in the order of their names."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        digest.update(f"{key}{list(value.shape)}".encode())
        digest.update(value.detach().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _tensors_of(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, Any]]:
    """Shapes and metadata from a safetensors header whose claims all fit the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start[:4] == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] <= b"\x05"):
            raise CheckpointError("A pickle can run code and is not opened", path.name, CONVERT)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > LARGEST_HEADER or length > size - 8:
            seen = f"{path.name} has {size} bytes and claims a header of {length}"
            raise CheckpointError("The file is not a whole safetensors file", seen, "Get it again, or name another.")
        raw = file.read(length)
    try:
        header = json.loads(raw)
        metadata = header.pop("__metadata__", {})
        entries = {key: (e["dtype"], tuple(e["shape"]), tuple(e["data_offsets"])) for key, e in header.items()}
        spans = sorted(span for _, _, span in entries.values())
        claimed = spans[-1][1] if spans else 0
        plain = isinstance(metadata, dict) and all(
            type(n) is int and n >= 0 for _, shape, span in entries.values() for n in (*shape, *span)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        plain = False
    if not plain:
        raise CheckpointError(
            "The header is not that of a safetensors file", path.name, "Get it again, or name another."
        )
    if claimed != size - 8 - length:
        seen = f"{path.name} claims {claimed} bytes of weights and holds {size - 8 - length}"
        raise CheckpointError("The file is not as long as it says", seen, "It may be cut off: get it again.")
    end = 0
    for dtype, shape, span in sorted(entries.values(), key=lambda e: e[2]):
        if dtype not in ITEM_SIZE or span[0] != end or span[1] - span[0] != _count(shape) * ITEM_SIZE[dtype]:
            seen = f"{dtype} {list(shape)} at {list(span)}"
            raise CheckpointError(
                f"{path.name}: a tensor does not fit its place", seen, "Use float32 or float16 weights."
            )
        end = span[1]
    return {key: shape for key, (_, shape, _) in entries.items()}, metadata


def _config_of(path: Path, metadata: dict[str, Any]) -> ModelConfig:
    """The configuration inside the file; one beside it must say the same."""
    try:
        inside = json.loads(metadata["config"]) if "config" in metadata else None
    except (ValueError, TypeError):
        inside = None
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
