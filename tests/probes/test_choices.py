import numpy as np
import pytest
import torch

from probes.banks import Question, bank
from probes.choices import choose, clusters, forms
from tests.conftest import MakeModel
from tilelli.chat import encode
from tilelli.errors import InputError


def row(*options: str, ask: str = "Which is it") -> Question:
    return Question(f"USER: {ask}: {options[0]} or {options[1]}?\nTILELLI:", True, (options[0],), options=options)


def test_an_option_is_scored_as_whole_words_small_or_capital(tiny: MakeModel) -> None:
    model, asked = tiny(context=128), row("niger", "nigeria")
    (found,) = choose(model, [asked])
    expected = []
    for option in asked.options:
        total = 0.0
        for form in forms(option):
            p, chance = encode(asked.prompt), 1.0
            for byte in form.encode():
                chance *= float(model(torch.tensor([p]))[0][0, -1].double().softmax(dim=-1)[byte])
                p.append(byte)
            after = model(torch.tensor([p]))[0][0, -1].double().softmax(dim=-1)
            total += chance * sum(float(after[byte]) for byte in range(128) if not chr(byte).isalnum())
        expected.append(total)
    assert found.p == pytest.approx([one / sum(expected) for one in expected], rel=1e-4)
    assert found.option == int(np.argmax(expected))


def test_options_read_together_are_as_those_read_alone(tiny: MakeModel) -> None:
    model = tiny(context=48)  # some prompts do not fit
    rows = [row("red", "blue"), row("cow", "hippopotamus"), row("red", "blue", ask="And which of the two is it then")]
    together = choose(model, rows)
    for own, alone in zip(together, rows, strict=True):
        assert own.p == pytest.approx(choose(model, [alone])[0].p, abs=1e-6)
        assert sum(own.p) == pytest.approx(1)


def test_the_fours_of_the_bank_hang_together() -> None:
    rows = [row for row in bank("calibration").rows if row.options]
    group = clusters(rows)
    for start in range(0, len(rows), 4):
        assert len(set(group[start : start + 4])) == 1
    assert (np.unique(group, return_counts=True)[1] % 4 == 0).all()
    for name in np.unique(group):
        right = [one.right for one, own in zip(rows, group, strict=True) if own == name]
        assert right.count(0) == right.count(1)


def test_a_question_without_options_is_refused(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="There is no choice"):
        choose(tiny(), [Question("USER: a\nTILELLI:", True, ("a",))])
