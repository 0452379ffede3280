import pytest
import torch

from probes.answering import answer
from probes.drawing import Drawn, draw
from probes.store.sheet import Sheet
from tests.conftest import MakeModel
from tests.probes.test_answering import PROMPTS
from tilelli import chat
from tilelli.errors import InputError
from tilelli.generation import Sampling
from tilelli.tokenizer import ByteTokenizer


def test_what_is_drawn_follows_what_the_model_holds_likely(tiny: MakeModel) -> None:
    model = tiny(context=64)
    with torch.no_grad():
        p = model(torch.tensor([chat.encode(PROMPTS[0])]))[0][0, -1].softmax(dim=-1)
    drawn = draw(model, PROMPTS[:1] * 30, 100, max_new=1)
    first = [reply.encode()[:1] for each in drawn for reply in each.replies]
    for letter in b"eEx7":
        expected = 3000 * float(p[letter])
        assert abs(first.count(bytes([letter])) - expected) < 4 * expected**0.5 + 2


def test_a_reply_is_the_same_whatever_is_read_beside_it(tiny: MakeModel) -> None:
    model = tiny(context=64)
    whole = draw(model, PROMPTS, 3, seed=5, max_new=8)
    assert draw(model, PROMPTS[:1], 3, seed=5, max_new=8) == whole[:1]
    assert draw(model, PROMPTS, 3, seed=6, max_new=8) != whole
    assert len({reply for each in whole for reply in each.replies}) > 12


def test_near_temperature_zero_all_say_the_likeliest(tiny: MakeModel) -> None:
    model = tiny(context=64)
    greedy = answer(model, PROMPTS, max_new=6)
    for said, drawn in zip(greedy, draw(model, PROMPTS, 2, temperature=1e-6, max_new=6), strict=True):
        assert drawn.replies == (said.reply, said.reply)


def test_replies_end_where_the_line_ends(tiny: MakeModel) -> None:
    model = tiny(context=128)
    with torch.no_grad():
        model.embedding.weight[ord("\n")] *= 2  # a line often ends
    (drawn,) = draw(model, PROMPTS[:1], 20, max_new=30)
    assert not any("\n" in reply for reply in drawn.replies)
    assert len({len(reply) for reply in drawn.replies}) > 3


def test_what_is_known_is_not_drawn_again(tiny: MakeModel) -> None:
    kept = Drawn(("known",))
    sheet = Sheet(dict.fromkeys(range(len(PROMPTS)), kept))
    assert draw(tiny(context=64), PROMPTS, 1, sheet=sheet) == [kept] * len(PROMPTS)


@pytest.mark.parametrize(("count", "temperature"), [(0, 1.0), (2, 0.0), (2, -1.0)])
def test_nothing_to_draw_is_refused(tiny: MakeModel, count: int, temperature: float) -> None:
    with pytest.raises(InputError, match="Nothing can be drawn"):
        draw(tiny(), PROMPTS, count, temperature)


def test_the_likeliest_reply_is_that_of_chat(tiny: MakeModel) -> None:
    model = tiny(context=64)
    written = [w.byte for w in chat.reply(model, chat.encode(PROMPTS[0]), Sampling(max_new=6, temperature=0))]
    assert answer(model, PROMPTS[:1], 6)[0].reply == ByteTokenizer().decode(written).strip()
