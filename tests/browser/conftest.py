"""A real dashboard in a process of its own, and a real Chromium that looks at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUIRED = os.environ.get("TILELLI_REQUIRE_BROWSER", "") not in ("", "0")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("TILELLI_REQUIRE_BROWSER is set and there is no Chromium")
        pytest.skip("no Chromium here; install Debian's chromium to run the browser tests")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@contextmanager
def dashboard(home: Path) -> Iterator[str]:
    """Address of a dashboard of its own, with `home` as the user's data folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.headless=true", f"--server.port={port}"]
    environment = os.environ | {"TILELLI_HOME": str(home), "TILELLI_CHECKPOINTS": str(home / "runs")}
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app/main.py", *options],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def wait_until_healthy(address: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
                assert answer.read() == b"ok"
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the dashboard at {address} did not start")


@pytest.fixture(scope="session")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboard that most tests share."""
    with dashboard(tmp_path_factory.mktemp("home")) as address:
        yield address


class Visitor:
    """A person at a browser window: opens pages, and remembers every error that the console showed."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address, self.errors = page, address, list[str]()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run and the page shows its heading."""
        self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
        self.page.wait_for_selector("h1", timeout=60_000)

    def assert_all_is_well(self) -> None:
        assert self.errors == []
        assert self.page.locator('[data-testid="stException"]').count() == 0
        assert self.page.locator('[data-testid="stAlertContentError"]').count() == 0

    def _note(self, message: ConsoleMessage) -> None:
        # Streamlit asks for these below the page's own path before it asks at the root.
        probing = message.location.get("url", "").endswith(("/_stcore/health", "/_stcore/host-config"))
        if message.type == "error" and not probing:
            self.errors.append(f"{message.text} {message.location}")


@pytest.fixture
def visitor(browser: Browser, app: str) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield Visitor(context.new_page(), app)
    context.close()


@pytest.fixture
def second_visitor(browser: Browser, app: str) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    yield Visitor(context.new_page(), app)
    context.close()
