from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.app.conftest import APP

INSIDE = ("routing", "attention", "weights", "ablation", "compare", "splice")
PAGES = ("overview", "checkpoints", "write", "chat", *INSIDE, "training")


def test_the_dashboard_opens_on_the_overview(folder: Path) -> None:
    page = AppTest.from_file(APP / "main.py", default_timeout=30).run()
    assert not page.exception
    assert page.title[0].value == "What goes on inside a tiny language model?"
    assert str(folder / "routed") in page.dataframe[0].value["checkpoint"].tolist()


def test_every_page_opens_from_the_menu(folder: Path) -> None:
    page = AppTest.from_file(APP / "main.py", default_timeout=60).run()
    for name in PAGES:
        page.switch_page(f"views/{name}.py").run()
        assert not page.exception, name
        assert page.title[0].value.endswith("?"), name


def test_a_link_to_a_missing_checkpoint_is_explained(folder: Path) -> None:
    page = AppTest.from_file(APP / "main.py", default_timeout=30)
    page.query_params["checkpoint"] = "runs/gone"
    page.run()
    assert not page.exception
    assert "not here" in page.sidebar.warning[0].value
