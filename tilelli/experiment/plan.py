"""A plan: one recipe, arms that each change a part of it, seeds, and the claims that will be judged.

It is written before anything is measured. Every arm reads the same bytes in the same order, so an arm may change what
a model is and how fast it learns, but not how much it reads. A plan knows nothing of folders, records or results.
"""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilelli.config import ModelConfig, Recipe, Settings, TrainingConfig, check_known, read_yaml
from tilelli.errors import ConfigError, InputError

SECTIONS = ("title", "recipe", "baseline", "arms", "seeds", "comparisons")
READING = {"model": ("context",), "training": ("steps", "batch_size", "seed")}  # what decides which bytes are read
JUDGES = ("interval", "mean")
NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


@dataclass(frozen=True)
class Comparison(Settings):
    """A claim, and how it will be judged: by bits per byte of `arm` over those of `against`, in percent.

    Attributes:
        claim: the sentence that is true if the target is met.
        arm, against: names of arms.
        below, above: the target; one of them.
        judged_by: whether the whole 95 % `interval` has to lie there, or the `mean`.
    """

    claim: str = ""
    arm: str = ""
    against: str = ""
    below: float | None = None
    above: float | None = None
    judged_by: str = "interval"

    @property
    def target(self) -> str:
        side, bound = ("above", self.above) if self.below is None else ("below", self.below)
        return f"{self.judged_by} {side} {bound:g} %"

    def met(self, mean: float, low: float, high: float) -> bool:
        """Whether a difference, in percent, is where the claim wants it."""
        if self.judged_by == "mean":
            low = high = mean
        return high < self.below if self.below is not None else low > (self.above or 0.0)


@dataclass(frozen=True)
class Arm:
    """One side of the experiment, under the name that its runs bear; `teacher` names the arm it learns from, if any."""

    name: str
    title: str
    recipe: Recipe
    teacher: str = ""


@dataclass(frozen=True)
class Job:
    """One run: an arm with a seed. `taught_by` is the arm whose run of the same seed is its teacher, if any."""

    arm: str
    recipe: Recipe
    taught_by: str = ""

    @property
    def seed(self) -> int:
        return self.recipe.training.seed

    @property
    def name(self) -> str:
        return f"{self.arm}-{self.seed}"

    @property
    def teacher(self) -> str:
        """Name of the run that is its teacher; empty if it has none."""
        return f"{self.taught_by}-{self.seed}" if self.taught_by else ""


@dataclass(frozen=True)
class Plan:
    """What is compared, checked when it is read."""

    path: Path
    title: str
    baseline: str
    arms: dict[str, Arm]
    seeds: tuple[int, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def records(self) -> Path:
        """The folder of the records, beside the plan."""
        return self.path.with_suffix("")

    def jobs(self, arms: Iterable[str] | None = None, seeds: Iterable[int] | None = None) -> list[Job]:
        """All runs, or those of some arms and seeds; every arm with one seed comes before any with the next.

        Raises:
            InputError: the plan has no such arm or seed.
        """
        for wanted, known in ((arms, self.arms), (seeds, self.seeds)):
            for value in wanted or ():
                if value not in known:
                    raise InputError("The plan has no such run", str(value), f"It has {', '.join(map(str, known))}.")
        return [
            Job(
                arm.name,
                dataclasses.replace(arm.recipe, training=dataclasses.replace(arm.recipe.training, seed=seed)),
                arm.teacher,
            )
            for seed in self.seeds
            for arm in self.arms.values()
            if (not arms or arm.name in arms) and (not seeds or seed in seeds)
        ]

    @classmethod
    def from_yaml(cls, path: str | Path) -> "Plan":
        """Read a plan.

        Raises:
            ConfigError: the file is missing, is not YAML, or holds an unknown, missing or impossible setting.
        """
        path = Path(path)
        content = _section(read_yaml(path, "plan", "configs/plans/"), SECTIONS, str(path))
        recipe = _section(content.get("recipe"), READING, f"{path}, section recipe")
        entries = _section(content.get("arms"), None, f"{path}, section arms")
        arms = {name: _arm(name, values, recipe, f"{path}, arm {name}") for name, values in entries.items()}
        for arm in arms.values():
            _check_teacher(arm, arms, f"{path}, arm {arm.name}")
        seeds = content.get("seeds")
        if not isinstance(seeds, list) or not seeds or any(type(seed) is not int or seed < 0 for seed in seeds):
            raise ConfigError(f"{path} has no seeds", repr(seeds)[:60], "Write them as in `seeds: [0, 1, 2]`.")
        claims = content.get("comparisons") or []
        if not isinstance(claims, list):
            raise ConfigError(f"{path}, section comparisons is no list", repr(claims)[:60], "Begin each with a dash.")
        compared = tuple(_comparison(values, arms, f"{path}, comparison {n}") for n, values in enumerate(claims, 1))
        baseline = check_known(content.get("baseline"), arms, f"{path} has no such baseline")
        title = str(content.get("title") or path.stem.replace("_", " "))
        return cls(path, title, baseline, arms, tuple(dict.fromkeys(seeds)), compared)


def _section(values: Any, known: Iterable[str] | None, source: str) -> dict[str, Any]:
    """`values` if they are a dictionary with none but known keys; None allows any."""
    if not isinstance(values, dict) or not values:
        raise ConfigError(f"{source} is empty", repr(values)[:60], "Compare it with configs/plans/.")
    for key in values:
        if known is not None:
            check_known(key, known, f"{source} has an unknown setting")
    return values


def _arm(name: Any, values: Any, recipe: dict[str, Any], source: str) -> Arm:
    """The recipe with what this arm puts in its place."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(f"{source} has a name no file can bear", repr(name), "Use small letters, digits and dashes.")
    values = _section(values, ("title", "teacher", *READING), source)
    parts: dict[str, dict[str, Any]] = {}
    for part, reading in READING.items():
        for given in (recipe.get(part), values.get(part)):
            if given is not None and not isinstance(given, dict):
                raise ConfigError(f"{source}: {part} holds no settings", repr(given)[:60], "Write `name: value` lines.")
        changes = values.get(part) or {}
        for key in reading:
            if key in changes:
                raise ConfigError(
                    f"{source} would read other bytes than the rest", key, f"Set {key} under `recipe:`, or not at all."
                )
        parts[part] = (recipe.get(part) or {}) | changes
    made = Recipe(
        ModelConfig.from_dict(parts["model"], f"{source}, section model"),
        TrainingConfig.from_dict(parts["training"], f"{source}, section training"),
    )
    return Arm(name, str(values.get("title") or name), made, str(values.get("teacher") or ""))


def _check_teacher(arm: Arm, arms: dict[str, Arm], source: str) -> None:
    """A teacher is another arm, learns from nobody, and has a weight in the recipe."""
    if arm.teacher:
        check_known(arm.teacher, arms, f"{source} has an unknown teacher")
    if bool(arm.teacher) != (arm.recipe.training.distill > 0) or (arm.teacher and arms[arm.teacher].teacher):
        seen = f"teacher {arm.teacher or 'none'}, distill {arm.recipe.training.distill:g}"
        raise ConfigError(f"{source} cannot be taught so", seen, "Name an arm that has no teacher, and set distill.")


def _comparison(values: Any, arms: Iterable[str], source: str) -> Comparison:
    made = Comparison.from_dict(values, source)
    for name in (made.arm, made.against):
        check_known(name, arms, f"{source} names an unknown arm")
    check_known(made.judged_by, JUDGES, f"{source} has an unknown judge")
    if not made.claim or (made.below is None) == (made.above is None):
        seen = f"claim {made.claim!r}, below {made.below}, above {made.above}"
        raise ConfigError(f"{source} cannot be judged", seen, "Write a claim, and either `below:` or `above:`.")
    return made
