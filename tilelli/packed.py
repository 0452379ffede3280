"""Packed checkpoints: one small file that holds what the layers multiply with, and no more.

A trit takes 2 bits, four share a byte; each ternary tensor has one scale; what is not ternary is kept at a precision
that the file states. Reading needs NumPy alone. What a packed file must hold is said in `layout.py` and checked in
`header.py`; here bytes become numbers and back.
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from tilelli.errors import CheckpointError, InputError
from tilelli.layout import SCALE, Packing, places, shapes, ternary

if TYPE_CHECKING:
    from tilelli.config import ModelConfig
    from tilelli.header import Header

Floats = NDArray[np.float32]
STEPS = np.float32(127 - 2**-7)
"""How many steps the largest number of a vector is, before rounding: just below the 127 that fit into a byte. What
comes from a ternary product are whole multiples of one unit; with just 127 many of them would fall halfway between two
steps, where the last digit of a number decides, which two engines seldom agree about."""
SMALLEST_SCALE = 1e-8  # an all-zero matrix has scale 0; dividing by this instead keeps its trits at zero
LARGEST_SCALE = 1e30  # beyond it sums overflow
TRITS = np.array([[(byte >> 2 * place & 3) - 1 for place in range(4)] for byte in range(256)], dtype=np.int8)


def pack(
    config: "ModelConfig",
    floats: Mapping[str, Floats],
    trits: Mapping[str, tuple[NDArray[Any], float]],
    packing: Packing,
    provenance: Mapping[str, Any],
) -> bytes:
    """A packed file; the same content gives the same bytes.

    Args:
        config: of the model.
        floats: every tensor that is not ternary.
        trits: every tensor that is, with its scale.
        packing: at which precision floats are kept, and what the source was.
        provenance: where the weights came from.

    Raises:
        InputError: a number is beyond the precision.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for name, (values, scale) in trits.items():
        tensors |= {name: _packed(values), name + SCALE: np.array(scale, dtype=np.float32)}
    for name, value in floats.items():
        tensors |= _kept(name, value, packing.floats)
    assert {name: value.shape for name, value in tensors.items()} == {
        name: shape for name, (_, shape) in places(config, packing.floats).items()
    }
    told = {"config": config.to_dict(), "packing": packing.to_dict(), "provenance": provenance}
    metadata = {name: json.dumps(value, sort_keys=True) for name, value in told.items()}
    return _settled(save(tensors, {"format": "np", **metadata}))


def weights(header: "Header") -> dict[str, Floats]:
    """What the layers of a checkpoint multiply with, packed or not: rounded where ternary. Without torch.

    Raises:
        CheckpointError: the file is not one, or holds numbers that are not finite.
    """
    if header.packing is not None:
        found = _read(header, lambda trits, scale: trits * scale)
    else:
        rounded, tensors = ternary(header.config), _tensors(header)
        found = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
        found |= {name: np.multiply(*quantize(found[name])) for name in rounded}
    for name, value in found.items():
        if bad := int(np.count_nonzero(~np.isfinite(value))):
            raise not_finite(header.path.name, name, bad, value.size)
    return found


def latents(header: "Header") -> dict[str, Floats]:
    """All tensors of a packed file as those of an ordinary model, which rounds its ternary ones: see `latent`."""
    return _read(header, latent)


def quantize(weight: Floats) -> tuple[Floats, np.float32]:
    """Trits and scale as `tilelli.ternary.quantize` gives them: there as here sizes are added in double precision, so
    that the order in which this is done, and on how many threads, does not show."""
    scale = np.maximum(np.abs(weight).mean(dtype=np.float64).astype(np.float32), np.float32(SMALLEST_SCALE))
    return np.clip(np.rint(weight / scale), -1, 1), scale


def in_steps(x: Floats) -> tuple[Floats, Floats]:
    """Vectors (..., K) in whole steps, and the size of these (..., 1); see `ternary.in_steps`."""
    largest = np.maximum(np.abs(x).max(axis=-1, keepdims=True), SMALLEST_SCALE)
    return np.rint(x * (STEPS / largest)), largest * np.float32(1 / 127)


def latent(trits: NDArray[Any], scale: np.float32) -> Floats:
    """Float weights that `quantize` rounds to just these trits and just this scale.

    `trits * scale` would not do: the scale is the mean size of all weights, and zeros lower it, so that a model which
    rounds its weights would shrink them by the share of zeros. So the others are larger here by that share, and the
    model that is loaded is an ordinary one: saved again, spliced or trained further, it means the same.

    Exactly the same: sizes are whole multiples of one unit, the last digit of them all. Double precision, in which
    `quantize` adds them up, does so without an error, in whatever order and on however many threads, and the sum is one
    that divided by their count gives the scale.
    """
    places = np.flatnonzero(trits)
    found = np.zeros(trits.size, dtype=np.float32)
    if places.size:
        total = float(scale) * trits.size
        unit = float(np.spacing(np.float32(total / places.size)))
        near = [round(total / unit) + more for more in (0, 1, -1, 2, -2)]
        units = next((units for units in near if np.float32(units * unit / trits.size) == scale), near[0])
        each, left = divmod(units, places.size)
        sizes = ((each + (np.arange(places.size) < left)) * unit).astype(np.float32)
        found[places] = sizes * trits.reshape(-1)[places]
    return found.reshape(trits.shape)


def not_finite(file: str, tensor: str, bad: int, count: int) -> CheckpointError:
    remedy = "Its training went wrong; use an earlier checkpoint."
    return CheckpointError(f"{file} holds numbers that are not finite", f"{bad} of {count} in {tensor}", remedy)


def unreadable(file: str, error: Exception) -> CheckpointError:
    """The library is stricter than our own look at the header, on text that is no text for one."""
    cause = " ".join(str(error).split())[:120]
    return CheckpointError(f"{file} cannot be read", cause, "Get it again, or name another.")


def _read(header: "Header", restored: Callable[[NDArray[np.int8], np.float32], Floats]) -> dict[str, Floats]:
    tensors, trits, found = _tensors(header), ternary(header.config), dict[str, Floats]()
    for name, shape in shapes(header.config).items():
        value = tensors[name]
        if name in trits:
            codes, scale = value, np.float32(tensors[name + SCALE])
            if (codes & codes >> 1 & 0x55).any():
                seen = f"{name} holds a 3 where -1, 0 and +1 are 0, 1 and 2"
                raise CheckpointError(f"{header.path.name} holds a trit that is none", seen, "Get it again.")
            if not np.float32(SMALLEST_SCALE) <= scale <= LARGEST_SCALE:
                seen = f"{scale:g} in {name}"
                raise CheckpointError(f"{header.path.name} holds a scale that is none", seen, "Get it again.")
            found[name] = restored(TRITS[codes].reshape(-1)[: int(np.prod(shape))].reshape(shape), scale)
        elif name + SCALE in tensors:
            with np.errstate(over="ignore", invalid="ignore"):
                found[name] = value.astype(np.float32) * tensors[name + SCALE][:, None]
        else:
            found[name] = value.astype(np.float32)
    return found


def _tensors(header: "Header") -> dict[str, NDArray[Any]]:
    try:
        return load_file(header.path)
    except SafetensorError as error:
        raise unreadable(header.path.name, error) from None
    except TypeError:
        remedy = "Pack it first: python -m tilelli pack."
        raise CheckpointError("NumPy has no such numbers", f"{header.path.name} holds bfloat16", remedy) from None


def _packed(trits: NDArray[Any]) -> NDArray[np.uint8]:
    """Four trits a byte, in the order of the rows, the first in the lowest bits, each plus one; the rest is filled up
    with zeros, which are ones here."""
    codes = np.ones(-(-trits.size // 4) * 4, dtype=np.uint8)
    codes[: trits.size] = trits.reshape(-1) + 1
    joined: NDArray[np.uint8] = codes.reshape(-1, 4) @ np.array([1, 4, 16, 64], dtype=np.uint8)
    return joined


def _kept(name: str, value: Floats, floats: str) -> dict[str, NDArray[Any]]:
    """A tensor at this precision, with its scales where it has some."""
    if floats == "float32":
        return {name: value}
    if floats == "int8" and value.ndim == 2:
        scale = _scales(value)
        steps = np.divide(value, scale[:, None], out=np.zeros_like(value), where=scale[:, None] > 0)
        return {name: np.clip(np.rint(steps), -127, 127).astype(np.int8), name + SCALE: scale}
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    if not np.isfinite(half).all():
        seen = f"{np.abs(value).max():g} in {name}"
        raise InputError("A number is too large for float16", seen, "Keep it exactly: --floats float32.")
    return {name: half}


def _scales(matrix: Floats) -> Floats:
    """One scale a row: what makes the largest number of the row 127, rounded up to 16 significant bits. So 127 scales
    are a float32 exactly, and packing what was unpacked gives the same scales again."""
    fraction, exponent = np.frexp(np.abs(matrix).max(axis=1).astype(np.float64) / 127)
    scale: Floats = np.ldexp(np.ceil(fraction * 2**16) / 2**16, exponent).astype(np.float32)
    return scale


def _settled(content: bytes) -> bytes:
    """The same file with its header in one order; the library writes the metadata in another order in every process."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]
