"""How long a user waits on the pages that look inside: seconds from the click in the sidebar to the drawn pictures.

Start the dashboard on a quiet machine first (`make app`), then:

    .venv/bin/python docs/clicks.py http://127.0.0.1:8501 tilelli/mini

The first round is cold: modules are loaded and nothing is cached. The text is the page's own sample of 256 bytes.
"""

import shutil
import sys
import time
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

PICTURES = {"Router": 4, "Attention": 6, "Weights": 2}
ROUNDS = 4


def go(page: Page, link: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=link, exact=True).click()


def seconds(page: Page, link: str, pictures: int) -> float:
    """From the click to the last picture."""
    go(page, "Checkpoints")
    page.wait_for_timeout(1500)
    began = time.perf_counter()
    go(page, link)
    drawn = "document.querySelectorAll('[data-testid=stMain] .js-plotly-plot').length"
    page.wait_for_function(f"{drawn} >= {pictures}", polling=20)
    return time.perf_counter() - began


def main(dashboard: str, checkpoint: str) -> None:
    """Print a line a round."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1200})
        page.goto(f"{dashboard}/checkpoints?{urlencode({'checkpoint': checkpoint})}")
        page.wait_for_timeout(4000)
        for number in range(ROUNDS):
            found = {link: seconds(page, link, pictures) for link, pictures in PICTURES.items()}
            print(f"round {number + 1}:", ", ".join(f"{link} {took:.2f} s" for link, took in found.items()), flush=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
