"""Splicing: parts of one model in the place of the same parts of another, to see what sits where.

A splice has a name like any checkpoint, `BASE::PARTS::DONOR`, and is opened like one: `tilelli/mini::router::runs/mine`
is mini with the routers of the other. Parts are `router`, `local`, `sparse`, `dense`, `block` and `abstain`, several
joined by `+`; `@2` or `@1-3` says in which blocks, counted from 1. A splice can be the base of another.
"""

import copy
import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilelli.config import PATHWAYS, ModelConfig
from tilelli.errors import InputError
from tilelli.header import SPLICE, Header, read_header

if TYPE_CHECKING:
    from tilelli.base import ByteLM

PARTS = ("router", *PATHWAYS, "block", "abstain")
FORM = re.compile(r"([a-z]+)(?:@(\d{1,9})(?:-(\d{1,9}))?)?")
ALIKE = {  # settings besides the shapes on which the meaning of a part hangs
    "router": ("pathways",),
    "local": (),
    "sparse": ("n_heads", "head_dim", "top_k", "activation_bits"),
    "dense": ("through_local", "activation_bits"),
    "block": ("kind", "n_heads", "head_dim", "top_k", "through_local", "mix_scale", "ternary", "activation_bits"),
    "abstain": (),
}


@dataclass(frozen=True)
class Part:
    """A kind of part, and in which blocks: first and last from 0, both included; None for all."""

    kind: str
    blocks: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.blocks is None:
            return self.kind
        first, last = self.blocks
        return f"{self.kind}@{first + 1}" + (f"-{last + 1}" if last > first else "")

    def prefixes(self, config: ModelConfig) -> list[str]:
        """How the names of its tensors begin.

        Raises:
            InputError: the model has no such blocks.
        """
        if self.kind == "abstain":
            return ["abstain."]
        first, last = self.blocks or (0, config.n_blocks - 1)
        if not 0 <= first <= last < config.n_blocks:
            raise InputError("There are no such blocks", str(self), f"Name some of 1 to {config.n_blocks}.")
        inner = "" if self.kind == "block" else f"{self.kind}."
        return [f"blocks.{number}.{inner}" for number in range(first, last + 1)]


def parse(text: str) -> tuple[Part, ...]:
    """Parts as a name has them: `router+dense@1-2`.

    Raises:
        InputError: a word is not a part.
    """
    parts = []
    for word in text.split("+"):
        found = FORM.fullmatch(word)
        if found is None or found[1] not in PARTS or (found[1] == "abstain" and found[2]):
            raise InputError(
                "This is not a part", repr(word[:40]), f"Use {', '.join(PARTS)}, or one with blocks: dense@1-2."
            )
        parts.append(Part(found[1], (int(found[2]) - 1, int(found[3] or found[2]) - 1) if found[2] else None))
    return tuple(parts)


def ingredients(name: str) -> tuple[str, tuple[Part, ...], str]:
    """Base, parts and donor of a splice's name.

    Raises:
        InputError: it is not of the form `BASE::PARTS::DONOR`.
    """
    pieces = str(name).rsplit(SPLICE, 2)
    if len(pieces) != 3 or not all(pieces):
        remedy = f"Write BASE{SPLICE}PARTS{SPLICE}DONOR."
        raise InputError("This is not the name of a splice", repr(str(name)[:80]), remedy)
    return pieces[0], parse(pieces[1]), pieces[2]


def origins(name: str) -> list[str]:
    """The checkpoints a name is made of: itself, or base and donors of a splice."""
    if SPLICE not in name:
        return [name]
    base, _, donor = ingredients(name)
    return [*origins(base), *origins(donor)]


def splice(base: "ByteLM", donor: "ByteLM", parts: Iterable[Part], names: tuple[str, str] = ("", "")) -> "ByteLM":
    """A new model: `base` with `parts` of `donor`. Both are left as they were.

    Args:
        base, donor: models whose named parts have the same shapes and mean the same.
        parts: what is taken from the donor.
        names: what the two are called, for the ancestry in the provenance.

    Raises:
        InputError: the donor lacks a part, or it does not fit.
    """
    from tilelli.base import build
    from tilelli.checkpoint import weights_hash

    parts = tuple(parts)
    config = _config(base.config, donor.config, parts)
    mine, others = base.state_dict(), donor.state_dict()
    new = {key: others[key].clone() for key in _taken(mine, others, parts, config, donor.config)}
    model = build(config)
    model.load_state_dict({**{key: value.clone() for key, value in mine.items()}, **new})
    whence = ({"name": name, "weights": weights_hash(m)} for name, m in zip(names, (base, donor), strict=True))
    model.provenance = _provenance(base.provenance, donor.provenance, parts, *whence)
    return model.eval().requires_grad_(False)


def spliced_header(name: str) -> Header:
    """What a splice says of itself, from the headers of what it is made of.

    Raises:
        InputError: the parts do not fit.
        CheckpointError: as for any checkpoint.
    """
    first, parts, second = ingredients(name)
    base, donor = read_header(first), read_header(second)
    provenance = _provenance(base.provenance, donor.provenance, parts, {"name": first}, {"name": second})
    return dataclasses.replace(
        base,
        config=_config(base.config, donor.config, parts),
        shapes={**base.shapes, **{key: donor.shapes[key] for key in taken(base, donor, parts)}},
        provenance=provenance,
        packing=None,
    )


def save_splice(name: str, folder: str | Path) -> Path:
    """Make the splice of this name and write it into a new folder; what it is made of stands in its `training.json`.

    Raises:
        InputError: the folder is there already or cannot be written, or as for `splice`.
        CheckpointError: as for any checkpoint.
    """
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load, save_checkpoint

    ingredients(name)  # refuses what is no splice
    model, folder = load(name, ByteLM), Path(folder).expanduser()
    try:
        folder.mkdir(parents=True)
        return save_checkpoint(model, folder)
    except FileExistsError:
        raise InputError("There is something of this name already", str(folder), "Choose another name.") from None
    except OSError as error:
        seen = f"{folder} ({error.strerror})"
        raise InputError("The splice cannot be written", seen, "Name a place that can be written to.") from None


def taken(base: Header, donor: Header, parts: Iterable[Part]) -> list[str]:
    """Names of the tensors that a splice takes from the donor.

    Raises:
        InputError: the donor lacks a part, or it does not fit.
    """
    parts = tuple(parts)
    config = _config(base.config, donor.config, parts)
    return list(dict.fromkeys(_taken(base.shapes, donor.shapes, parts, config, donor.config)))


def _config(base: ModelConfig, donor: ModelConfig, parts: tuple[Part, ...]) -> ModelConfig:
    for part in parts:
        for setting in ALIKE[part.kind]:
            mine, other = getattr(base, setting), getattr(donor, setting)
            if mine != other:
                seen = f"{setting} is {mine} here and {other} there"
                raise InputError(
                    f"The part {part} means something else", seen, "Take it from a model of the same kind."
                )
        if part.kind in PATHWAYS and (part.kind in base.ternary) != (part.kind in donor.ternary):
            seen = f"{part.kind} is ternary in one of them only"
            raise InputError(f"The part {part} means something else", seen, "Take it from a model of the same kind.")
    return dataclasses.replace(base, abstain=base.abstain or any(part.kind == "abstain" for part in parts))


def _taken(mine: Any, others: Any, parts: tuple[Part, ...], config: ModelConfig, donor: ModelConfig) -> list[str]:
    """Names of the tensors that come from the donor; `mine` and `others` map names to tensors or to shapes."""
    keys: list[str] = []
    for part in parts:
        begins = tuple(part.prefixes(config))
        part.prefixes(donor)  # has to have those blocks too
        here, there = ({key for key in model if key.startswith(begins)} for model in (mine, others))
        if not there:
            raise InputError("The donor lacks this part", str(part), "Choose another part, or another donor.")
        if here != there and not (part.kind == "abstain" and not here):
            odd = min(here ^ there)
            raise InputError(f"The part {part} does not fit", f"{odd} is in one of them only", "Choose another donor.")
        for key in sorted(there):
            if key in mine and _shape(mine[key]) != _shape(others[key]):
                seen = f"{key} is {_shape(mine[key])} here and {_shape(others[key])} there"
                raise InputError(f"The part {part} does not fit", seen, "Choose a donor of the same shape.")
            if key == "abstain.weight" and _shape(others[key])[1] != config.d_model + 1:
                seen = f"width {_shape(others[key])[1] - 1} for {config.d_model}"
                raise InputError(f"The part {part} does not fit", seen, "Choose a donor of the same shape.")
        keys += sorted(there)
    return keys


def _shape(value: Any) -> list[int]:
    return list(getattr(value, "shape", value))


def _provenance(
    base: dict[str, Any], donor: dict[str, Any], parts: tuple[Part, ...], first: dict[str, Any], second: dict[str, Any]
) -> dict[str, Any]:
    """The base's, less its figures, which no longer hold; the threshold goes with the head. Base and donor are named as
    in `first` and `second`; one that is a splice itself brings its own ancestry along."""
    whose = donor if any(part.kind == "abstain" for part in parts) else base
    figures = whose.get("figures")
    kept = {"threshold": figures["threshold"]} if isinstance(figures, dict) and "threshold" in figures else {}
    own = [{"splice": source["splice"]} if "splice" in source else {} for source in (base, donor)]
    about = {"base": first | own[0], "donor": second | own[1], "parts": "+".join(map(str, parts))}
    return copy.deepcopy({**base, "figures": kept, "splice": about})
