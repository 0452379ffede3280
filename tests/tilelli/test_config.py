import dataclasses
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilelli.base import build
from tilelli.config import ModelConfig, Recipe, TrainingConfig
from tilelli.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "configs"


def parameters(config: ModelConfig) -> int:
    with torch.device("meta"):
        return build(config).num_parameters()


@pytest.mark.parametrize(
    ("name", "low", "high"), [("nano", 5_000, 6_900), ("mini", 1.0e6, 1.5e6), ("lite_10m", 9.9e6, 10.9e6)]
)
def test_a_shipped_recipe_has_the_size_it_promises(name: str, low: float, high: float) -> None:
    assert low <= parameters(Recipe.from_yaml(SHIPPED / f"{name}.yaml").model) <= high


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_vanilla_twin_is_as_large_within_two_percent(path: Path) -> None:
    config = Recipe.from_yaml(path).model
    assert parameters(config.twin("vanilla")) == pytest.approx(parameters(config), rel=0.02)


def test_a_twin_differs_in_kind_and_has_no_trits() -> None:
    config = ModelConfig(d_model=32, context=64)
    assert config.twin("vanilla") == dataclasses.replace(config, kind="vanilla", ternary=())
    assert config.twin("routed") == config


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().d_model = 8  # type: ignore[misc]


@given(
    st.builds(
        ModelConfig,
        d_model=st.integers(4, 4096),
        top_k=st.integers(1, 65536),
        expand=st.floats(0.25, 16),
        ternary=st.lists(st.sampled_from(["local", "sparse", "dense"])).map(tuple),
    )
)
def test_settings_survive_a_plain_dictionary(config: ModelConfig) -> None:
    assert ModelConfig.from_dict(config.to_dict()) == config


def test_whole_numbers_pass_for_floats_and_lists_for_tuples() -> None:
    config = ModelConfig.from_dict({"expand": 2, "ternary": ["dense", "local"]})
    assert type(config.expand) is float
    assert config.ternary == ("dense", "local")


def test_an_unknown_setting_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml has an unknown setting: 'd_modle'\. Did you mean 'd_model'\?"):
        ModelConfig.from_dict({"d_modle": 8}, "mine.yaml")


def test_a_setting_like_no_other_lists_those_that_exist() -> None:
    with pytest.raises(ConfigError, match="Known are abstain, activation_bits, context, d_model, "):
        ModelConfig.from_dict({"zzzzzz": 8})


@pytest.mark.parametrize("value", [True, "8", 8.0, None, [8], {}, float("nan")])
def test_a_setting_of_the_wrong_type_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"d_model has the wrong type: .*\. Write int\."):
        ModelConfig.from_dict({"d_model": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("d_model", 0),
        ("n_blocks", -1),
        ("context", 10**30),
        ("expand", float("inf")),
        ("mix_scale", float("nan")),
        ("top_k", 0),
    ],
)
def test_a_setting_out_of_range_says_the_range(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is out of range: .*\. Use a value from .* to "):
        ModelConfig.from_dict({name: value})


@pytest.mark.parametrize("value", [10**400, -(10**400)], ids=["10^400", "-10^400"])
@pytest.mark.parametrize("name", ["d_model", "mix_scale"])
def test_a_number_beyond_all_measure_is_refused_like_any_other(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=name):
        ModelConfig.from_dict({name: value})


@pytest.mark.parametrize("values", [{"kind": "magic"}, {"ternary": ["router"]}, {"kind": ""}])
def test_an_unknown_choice_lists_the_known(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"is not known: .* Use one of "):
        ModelConfig.from_dict(values)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ConfigError, match="precision is not known: 'int3'"):
        TrainingConfig(precision="int3")


@pytest.mark.parametrize(("expand", "d_model", "hidden"), [(4.0, 16, 64), (0.25, 4, 1), (1.5, 5, 8)])
def test_hidden_is_the_width_of_the_feed_forward(expand: float, d_model: int, hidden: int) -> None:
    assert ModelConfig(d_model=d_model, expand=expand).hidden == hidden


def written(folder: Path, content: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_recipe_is_read_section_by_section(tmp_path: Path) -> None:
    recipe = Recipe.from_yaml(written(tmp_path, "model:\n  d_model: 8\ntraining:\n  steps: 7\n"))
    assert recipe == Recipe(ModelConfig(d_model=8), TrainingConfig(steps=7))


@pytest.mark.parametrize("number", ["3e-4", "3E-4", "3.e-4", "0.3e-3", "+3.0e-4"])
def test_numbers_with_an_exponent_are_numbers_with_or_without_a_point(tmp_path: Path, number: str) -> None:
    recipe = Recipe.from_yaml(written(tmp_path, f"training:\n  learning_rate: {number}\n"))
    assert recipe.training.learning_rate == pytest.approx(3e-4)


def test_an_absent_section_means_the_defaults(tmp_path: Path) -> None:
    assert Recipe.from_yaml(written(tmp_path, "model:\n")) == Recipe(ModelConfig(), TrainingConfig())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model: {d_model: 8", "The recipe is not YAML"),
        ("!!python/object/apply:os.getcwd []", "The recipe is not YAML"),
        ("", "is not a recipe"),
        ("- 1", "is not a recipe"),
        ("modle:\n  d_model: 8", r"is not a recipe: modle\. Use the sections"),
        ("model: 5", "section model holds no settings: 5"),
        ("model:\n  1: 2", "section model has an unknown setting: 1"),
        ("training:\n  stesp: 5", "section training has an unknown setting: 'stesp'. Did you mean 'steps'"),
        ("training:\n  steps: 2024-13-45", "The recipe is not YAML"),
        ("training: " + "[" * 5000, "The recipe is not YAML"),
    ],
    ids=lambda text: text[:30],
)
def test_a_broken_recipe_is_refused_with_its_reason(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Recipe.from_yaml(written(tmp_path, content))


def test_a_recipe_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ConfigError, match="The recipe is not YAML"):
        Recipe.from_yaml(tmp_path / "recipe.yaml")


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_recipe_that_cannot_be_read_names_the_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="The recipe cannot be read"):
        Recipe.from_yaml(tmp_path / name)


def test_a_vanilla_model_has_no_ternary_weights_whatever_is_said() -> None:
    assert ModelConfig(kind="vanilla", ternary=("dense",)).ternary == ()


def test_activations_are_floats_or_of_eight_bits() -> None:
    assert ModelConfig().activation_bits == 0
    assert ModelConfig(activation_bits=8).to_dict()["activation_bits"] == 8
    assert ModelConfig.from_dict({"d_model": 8}) == ModelConfig(d_model=8, activation_bits=0)  # from before it existed
    assert ModelConfig(activation_bits=8).twin("vanilla").activation_bits == 0  # it has no ternary matrix
    with pytest.raises(ConfigError, match=r"activation_bits is not known: 4\. Use 8, or 0 for activations as floats"):
        ModelConfig(activation_bits=4)
