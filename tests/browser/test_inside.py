"""One walk through all that looks inside, changes and compares; then its links, opened in a browser that knows nothing.

How long each step took is printed and never asserted: `python -m pytest -s tests/browser/test_inside.py`.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visitor, dashboard
from tests.browser.test_chat import SAID, replies, say
from tilelli import TilelliLM
from tilelli.interventions import ACTIONS

PATIENCE = 60_000  # milliseconds; only ever spent on a slow machine
FORCED = "force:sparse@1"
SIDE = '[data-testid="stSidebar"]'


def test_a_walk_inside_can_be_sent_to_somebody_else(browser: Browser, tmp_path: Path, timed: "Timed") -> None:
    twins = [noisy_twin(tmp_path / "runs" / f"twin-{seed}", seed) for seed in (1, 2)]
    with dashboard(tmp_path) as address:
        visitor = visits(browser, address)
        page = visitor.page
        with timed("Checkpoints: open the first page"):
            visitor.open("/checkpoints?checkpoint=tilelli%2Fmini")
            expect(page.get_by_role("heading", name="tilelli/mini")).to_be_visible()
        with timed("Router: from the click to its pictures"):
            go(visitor, "Router", "Which pathway carries each byte?")
            pictures(page, 4)
        with timed("Router: force a pathway in one block, and read what it does"):
            force_sparse_in_the_first_block(visitor)
            expect(page.get_by_text(re.compile(r"^[+−]\d\.\d{3} bpb$"))).to_be_visible(timeout=PATIENCE)
        with timed("Ablation map: from the click to the whole map"):
            go(visitor, "Ablation map", "What hangs on each pathway?")
            page.get_by_role("button", name="Measure").click()
            expect(page.get_by_text("Choose a row to use its intervention")).to_be_visible(timeout=PATIENCE)
            pictures(page, 1)
        with timed("Attention: from the click to its pictures"):
            go(visitor, "Attention", "Which earlier bytes does each byte look at?")
            pictures(page, 6)
        with timed("Weights: from the click to its pictures"):
            go(visitor, "Weights", "What are the weights made of?")
            expect(page.get_by_text("Yes: all 884,736 weights")).to_be_visible(timeout=PATIENCE)
            pictures(page, 2)
        with timed("Compare: four checkpoints read the text"):
            go(visitor, "Compare", "How do checkpoints differ?")
            for letter, twin in zip("CD", twins, strict=True):
                choose(visitor, "Compare with", twin)
                expect(page.get_by_text(f"{letter}, bits per byte")).to_be_visible(timeout=PATIENCE)
            page.keyboard.press("Escape")  # the list of options stays open for more, and hides all else
            pictures(page, 6)
            visitor.settle()
            compared = comparison(page)
        comparing = page.url
        with timed("Splice: a part of a twin, used on every page"):
            go(visitor, "Splice", "What sits in which part?")
            page.get_by_role("button", name="local", exact=True).click()
            expect(page.get_by_text(re.compile(r"^local\+router of|^router\+local of"))).to_be_visible(timeout=PATIENCE)
            page.get_by_role("button", name="Use this splice on every page").click()
            expect(page.get_by_role("combobox", name="Checkpoint")).to_have_value(re.compile("::"), timeout=PATIENCE)
            visitor.settle()
        with timed("Chat: a reply by the splice"):
            go(visitor, "Chat", "What does it say, and does it know?")
            said = reply(page)
        chatting, spliced = page.url, page.get_by_role("combobox", name="Checkpoint").input_value()
        visitor.assert_all_is_well()
        page.context.close()

        other = visits(browser, address)
        with timed("Chat in another browser: its first page, and the same reply"):
            other.open(chatting.removeprefix(address))
            expect(other.page.get_by_role("combobox", name="Checkpoint")).to_have_value(spliced)
            expect(other.page.get_by_text("only sparse is used in block 1")).to_be_visible()
            assert reply(other.page) == said
        with timed("Compare in another browser: the same comparison"):
            other.open(comparing.removeprefix(address))
            pictures(other.page, 6)
            other.settle()
            assert comparison(other.page) == compared
            expect(other.page.get_by_text("only sparse is used in block 1")).to_be_visible()
        other.assert_all_is_well()
        other.page.context.close()


class Timed:
    """Prints how long each step took, and how busy the machine was."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        with self.capture.disabled():
            print(f"\n{time.monotonic() - began:6.2f} s  {step} (load {os.getloadavg()[0]:.1f})", end="")


@pytest.fixture
def timed(capsys: pytest.CaptureFixture[str]) -> Timed:
    return Timed(capsys)


def noisy_twin(folder: Path, seed: int) -> str:
    """The bundled model with some noise on every matrix: of one shape with it, so that their parts can be exchanged."""
    lm, generator = TilelliLM.from_pretrained("tilelli/mini"), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in (one for one in lm.parameters() if one.ndim == 2):
            weights.add_(0.1 * seed * weights.std() * torch.randn(weights.shape, generator=generator))
    lm.save_pretrained(folder)
    return str(folder)


def visits(browser: Browser, address: str) -> Visitor:
    """Somebody at a browser that has never been here; so tall that nothing scrolls, for that closes open lists."""
    page = browser.new_context(viewport={"width": 1400, "height": 1200}).new_page()
    page.set_default_timeout(PATIENCE)
    return Visitor(page, address)


def go(visitor: Visitor, link: str, heading: str) -> None:
    """To another page, through the sidebar."""
    visitor.page.locator(SIDE).get_by_role("link", name=link, exact=True).click()
    expect(visitor.page.get_by_role("heading", name=heading)).to_be_visible(timeout=PATIENCE)
    visitor.settle()


def pictures(page: Page, count: int) -> None:
    """Wait until so many figures are drawn."""
    expect(page.locator('[data-testid="stMain"] .js-plotly-plot')).to_have_count(count, timeout=PATIENCE)


def choose(visitor: Visitor, label: str, option: str) -> None:
    """An option of a select box or a multiselect, once the page is at rest: a list that opens earlier may close."""
    visitor.settle()
    visitor.page.get_by_role("combobox", name=label, exact=True).click()
    visitor.page.get_by_role("option", name=option, exact=True).click()


def force_sparse_in_the_first_block(visitor: Visitor) -> None:
    """As a user does: open the sidebar's box, choose, apply."""
    sidebar = visitor.page.locator(SIDE)
    sidebar.get_by_text("Intervene", exact=True).click()
    choose(visitor, "What to do", "Use one pathway only")
    expect(sidebar.get_by_text(ACTIONS["force"].sentence)).to_be_visible(timeout=PATIENCE)
    choose(visitor, "Pathway", "sparse")
    sidebar.get_by_role("slider", name="Blocks — end").press("Home")
    sidebar.get_by_role("button", name=f"Apply {FORCED}", exact=True).click()
    expect(sidebar.get_by_text("only sparse is used in block 1")).to_be_visible(timeout=PATIENCE)
    expect(sidebar.get_by_role("textbox", name="In words")).to_have_value(FORCED)


def comparison(page: Page) -> list[str]:
    """Who is compared, the figures of each, and what is said of them."""
    found = page.locator('[data-testid="stMain"]')
    buttons = found.get_by_role("button", name=re.compile("^Remove "))
    expect(buttons.first).to_be_visible(timeout=PATIENCE)
    chosen = buttons.evaluate_all("all => all.map(one => one.ariaLabel)")
    return [*chosen, *found.get_by_test_id("stMetricValue").all_inner_texts(), *found.locator("li").all_inner_texts()]


def reply(page: Page) -> str:
    """What the chosen checkpoint replies."""
    say(page, "Hello")
    replies(page, 1)
    return page.locator(SAID).last.inner_text()
