"""Pictures for the README: opens the dashboard's pages in Chromium and saves them small under docs/.

Start the dashboard first (`make app`), then: .venv/bin/python docs/screens.py http://127.0.0.1:8501
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parent
PAGES = {"routing": "/routing?checkpoint=tilelli%2Fmini"}


def main(address: str) -> None:
    """Save each page at 1400 pixels in the light theme, cut to its first screen and a half."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1100}, color_scheme="light")
        for name, path in PAGES.items():
            page.goto(address + path)
            page.wait_for_selector(".js-plotly-plot")
            page.wait_for_timeout(2000)
            page.screenshot(path=DOCS / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
