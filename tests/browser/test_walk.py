"""What a user does with the dashboard, in a real browser on the bundled checkpoints."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visitor, dashboard
from tilelli import ByteTokenizer, TilelliLM

INSIDE = ("/routing", "/attention", "/weights", "/ablation", "/compare", "/splice", "/speed")
ASK = ("/abstain", "/calibration", "/metacognition", "/diagnostics", "/results")
PAGES = ("/", "/checkpoints", "/write", "/chat", *INSIDE, *ASK, "/training")
TEXT = '[data-testid="stHtml"] div[dir="auto"]'
LINK = "/write?prompt={prompt}&new={new}&temperature=0.0&engine=torch&checkpoint=tilelli%2Fmini"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_without_an_error(visitor: Visitor, path: str) -> None:
    visitor.open(path)
    visitor.assert_all_is_well()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_a_phone(second_visitor: Visitor, path: str) -> None:
    second_visitor.open(path)
    second_visitor.assert_all_is_well()
    wide = "document.querySelector('[data-testid=stMain], [data-testid=stAppScrollToBottomContainer]').scrollWidth"
    assert second_visitor.page.evaluate(wide) <= 390


def test_the_chosen_checkpoint_stays_across_pages_and_in_the_link(visitor: Visitor) -> None:
    visitor.open("/")
    choose(visitor.page, "tilelli/mini-vanilla")
    visitor.page.get_by_role("link", name="Checkpoints").first.click()
    expect(visitor.page.get_by_role("heading", name="tilelli/mini-vanilla")).to_be_visible()
    assert "checkpoint=tilelli%2Fmini-vanilla" in visitor.page.url
    visitor.page.reload()
    expect(visitor.page.get_by_role("heading", name="tilelli/mini-vanilla")).to_be_visible()
    visitor.assert_all_is_well()


def test_writing_streams_and_stop_means_stop(visitor: Visitor) -> None:
    visitor.open(LINK.format(prompt="The%20cat", new=2000))
    visitor.page.get_by_role("button", name="Write").click()
    expect(visitor.page.get_by_text(re.compile("writing, [1-9]"))).to_be_visible()
    visitor.page.get_by_role("button", name="Stop").click()
    expect(visitor.page.get_by_text(re.compile("stopped, [0-9]+ bytes"))).to_be_visible()
    written = visitor.page.locator(TEXT).inner_text()
    visitor.page.wait_for_timeout(1500)
    assert visitor.page.locator(TEXT).inner_text() == written
    assert written.startswith("The cat")
    visitor.assert_all_is_well()


def test_two_sessions_write_at_once_without_mixing(visitor: Visitor, second_visitor: Visitor) -> None:
    lm, tok = TilelliLM.from_pretrained("tilelli/mini"), ByteTokenizer()
    prompts = {visitor: "The old king", second_visitor: "Water is a"}
    for person, prompt in prompts.items():
        person.open(LINK.format(prompt=prompt.replace(" ", "%20"), new=300))
    for person in prompts:
        person.page.get_by_role("button", name="Write").click()
    for person, prompt in prompts.items():
        expect(person.page.get_by_text(re.compile("done, [0-9]+ bytes"))).to_be_visible(timeout=120_000)
        alone = tok.decode(lm.generate(tok.encode(prompt), max_new=300, temperature=0))
        assert person.page.locator(TEXT).inner_text() == alone
        person.assert_all_is_well()


@pytest.mark.parametrize("prompt", ["🦊🌍", "", "a" * 10_000, "كان يا ما كان", "<script>alert(1)</script>"])
def test_any_text_can_be_continued(visitor: Visitor, prompt: str) -> None:
    visitor.open(LINK.format(prompt="x", new=20))
    box = visitor.page.get_by_role("textbox", name="Beginning")
    box.fill(prompt)
    box.press("Control+Enter")
    visitor.page.get_by_role("button", name="Write").click()
    expect(visitor.page.get_by_text(re.compile("done, [0-9]+ bytes"))).to_be_visible(timeout=120_000)
    assert visitor.page.locator(TEXT).inner_text().startswith(prompt)
    visitor.assert_all_is_well()


def test_a_bad_file_is_refused_in_a_sentence_and_the_app_goes_on(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open("/checkpoints")
    header = json.dumps({"a": {"dtype": "F32", "shape": [2500000000], "data_offsets": [0, 10_000_000_000]}}).encode()
    bad = {
        "not a whole safetensors file": b"garbage",
        "pickle": b"PK\x03\x04" + bytes(100),
        "not as long as it says": len(header).to_bytes(8, "little") + header,
    }
    for number, (sentence, content) in enumerate(bad.items()):
        file = tmp_path / f"{number}.safetensors"
        file.write_bytes(content)
        visitor.page.locator('input[type="file"]').set_input_files(file)
        visitor.page.get_by_role("button", name="Add", exact=True).click()
        expect(visitor.page.locator('[data-testid="stAlertContentError"]')).to_contain_text(sentence)
        visitor.page.reload()
        visitor.settle()
    visitor.assert_all_is_well()


def test_a_deep_link_may_be_the_first_request_of_a_fresh_server(browser: Browser, tmp_path: Path) -> None:
    with dashboard(tmp_path) as address:
        person = Visitor(browser.new_page(), address)
        person.open("/weights?checkpoint=tilelli%2Fmini-vanilla")
        expect(person.page.get_by_text("tilelli/mini-vanilla").first).to_be_visible()
        person.assert_all_is_well()


def test_a_link_to_a_checkpoint_that_is_not_here_says_so(visitor: Visitor) -> None:
    visitor.open("/?checkpoint=runs%2Fgone")
    expect(visitor.page.get_by_text("names a checkpoint that is not here")).to_be_visible()


def choose(page: Page, name: str) -> None:
    picker = page.get_by_role("combobox", name="Checkpoint", exact=True)
    picker.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # a list that is open while something scrolls closes
    picker.click()
    page.get_by_role("option", name=name, exact=True).click()
