"""Two runs are the same if nothing that changes their rows differs."""

from dataclasses import replace

from probes.banks import Bank, Question
from probes.store.key import Key, code
from tests.conftest import MakeModel
from tests.probes.store.conftest import key

ROW = Question("USER: Capital of France?\nTILELLI:", True, ("paris",))
BANK = Bank("own", (ROW,), "")


def test_every_part_of_a_key_counts() -> None:
    changes = {"probe": "x", "weights": "x", "config": "x", "bank": "x", "settings": {}, "seed": 1, "code": "x"}
    digests = {key(**{name: value}).digest for name, value in changes.items()}
    assert len({*digests, key().digest}) == 8


def test_the_order_of_settings_does_not_count() -> None:
    assert key(settings={"a": 1, "b": None}).digest == key(settings={"b": None, "a": 1}).digest


def test_a_model_is_known_by_its_weights_and_by_how_they_run(tiny: MakeModel) -> None:
    one, again, other, fewer = tiny(), tiny(), tiny(seed=1), tiny(top_k=2)
    found = [Key.of("p", model, BANK, {}, 0) for model in (one, again, other, fewer)]
    assert found[0] == found[1]
    assert found[2].weights != found[0].weights
    assert (found[3].weights, found[3].config != found[0].config) == (found[0].weights, True)


def test_the_questions_count_and_not_what_the_bank_is_called(tiny: MakeModel) -> None:
    model = tiny()
    first = Key.of("p", model, BANK, {}, 0)
    assert Key.of("p", model, replace(BANK, name="renamed"), {}, 0) == first
    assert Key.of("p", model, replace(BANK, rows=(ROW, ROW)), {}, 0) != first
    assert Key.of("p", model, None, {}, 0).bank == ""


def test_the_code_is_named_by_version_and_digest() -> None:
    version, digest = code().split("+")
    assert version.count(".") == 2
    assert len(digest) == 12
