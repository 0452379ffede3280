"""Pictures of the dashboard: three pages for the README, and every page on one sheet for each width and theme.

Start the dashboard first (`make app`, with a run or two under `runs/`, best of one shape), then:

    .venv/bin/python docs/screens.py http://127.0.0.1:8501 runs/routed-0 runs/routed-1
"""

import base64
import shutil
import sys
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, expect, sync_playwright

DOCS = Path(__file__).parent
MINI, VANILLA = "tilelli/mini", "tilelli/mini-vanilla"
REST = '[data-testid="stApp"][data-test-script-state="notRunning"]'
DRAWN = "!document.querySelector('[data-testid=stSkeleton]')"
SHEETS = {1400: (1700, 4, 480), 390: (1500, 6, 290)}  # width: height, pictures in a row, width of each on the sheet


def scenes(others: list[str]) -> dict[str, str]:
    """Every page in use: name -> address."""
    looks = {
        "overview": ("/", {}),
        "checkpoints": ("/checkpoints", {}),
        "write": ("/write", {"temperature": 0.5}),
        "chat": ("/chat", {"checkpoint": "tilelli/mini-chat"}),
        "routing": ("/routing", {}),
        "attention": ("/attention", {"attention_block": 2, "attention_byte": 120}),
        "weights": ("/weights", {}),
        "ablation": ("/ablation", {}),
        "compare": ("/compare", {"compare_with": [VANILLA, *others]}),
        "splice": ("/splice", {"checkpoint": (others or [MINI])[0], "splice_parts": ["dense"]}),
        "abstain": ("/abstain", {"checkpoint": "tilelli/mini-chat"}),
        "calibration": ("/calibration", {"checkpoint": "tilelli/mini-chat"}),
        "metacognition": ("/metacognition", {"checkpoint": "tilelli/mini-chat"}),
        "diagnostics": ("/diagnostics", {"checkpoint": "tilelli/mini-chat"}),
        "results": ("/results", {}),
        "training": ("/training", {}),
    }
    return {
        name: f"{path}?{urlencode({'checkpoint': MINI} | asked, doseq=True)}" for name, (path, asked) in looks.items()
    }


def use(page: Page, name: str) -> None:
    """What a user does there before there is something to see."""
    if name == "ablation":
        page.get_by_role("button", name="Measure").click()
        expect(page.get_by_text("Choose a row")).to_be_visible(timeout=60_000)
    elif name == "write":
        page.get_by_role("button", name="Write").click()
        expect(page.get_by_text("done, ")).to_be_visible(timeout=60_000)
    elif name == "chat":
        page.get_by_role("button", name="Who are you?").click()
        expect(page.get_by_text("done, ")).to_be_visible(timeout=60_000)


def opened(browser: Browser, address: str, name: str, width: int, height: int, theme: str) -> Page:
    """A page at rest, all of its figures drawn."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_timeout(2000)
    page.wait_for_selector(REST, timeout=60_000)
    page.wait_for_function(DRAWN)
    use(page, name)
    page.wait_for_timeout(1500)
    return page


def for_the_readme(browser: Browser, addresses: dict[str, str]) -> None:
    """Router, ablation map, and the part of the comparison that compares."""
    for name, top in (("routing", None), ("ablation", None), ("compare", "Who predicts a text better?")):
        page = opened(browser, addresses[name], name, 1400, 3000 if top else 1100, "light")
        heading = page.get_by_role("heading", name=top).bounding_box() if top else None
        clip = {"x": 300, "y": heading["y"] - 10, "width": 1100, "height": 1330} if heading else None
        page.screenshot(path=DOCS / f"{name}.png", clip=clip)  # type: ignore[arg-type]
        page.context.close()


def sheet(browser: Browser, addresses: dict[str, str], width: int, theme: str) -> None:
    """Every page at one width in one theme."""
    height, columns, size = SHEETS[width]
    pictures = []
    for name, address in addresses.items():
        page = opened(browser, address, name, width, height, theme)
        data = base64.b64encode(page.screenshot()).decode()
        pictures.append(f'<img src="data:image/png;base64,{data}" style="width:{size}px;border-radius:6px">')
        page.context.close()
    page = browser.new_page(viewport={"width": columns * (size + 12) + 12, "height": 800})
    page.set_content(
        f'<body style="margin:12px;background:#808080;display:grid;gap:12px;grid-template-columns:'
        f'repeat({columns},{size}px)">{"".join(pictures)}</body>'
    )
    page.wait_for_timeout(1000)
    page.screenshot(path=DOCS / f"pages-{width}-{theme}.jpg", full_page=True, type="jpeg", quality=60)
    page.close()


def main(dashboard: str, *others: str) -> None:
    """Save them all under docs/."""
    addresses = {name: dashboard + path for name, path in scenes(list(others)).items()}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for_the_readme(browser, addresses)
        for width in SHEETS:
            for theme in ("light", "dark"):
                sheet(browser, addresses, width, theme)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
