"""The command that takes screenshots of a running Slipway."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config.management.commands import screenshots
from tests.ui.test_browser import address  # noqa: F401  the gallery on a server of its own


@pytest.mark.browser
def test_each_page_gives_a_file_per_theme_and_size_and_trouble_is_told(address, tmp_path):  # noqa: F811
    out, err = StringIO(), StringIO()
    words = ["--base", address, "--path", "/", "--path", "/lost/", "--out", str(tmp_path), "--size", "390x844"]
    call_command("screenshots", *words, stdout=out, stderr=err)
    names = ["home-dark-390x844.png", "home-light-390x844.png", "lost-dark-390x844.png", "lost-light-390x844.png"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in tmp_path.iterdir())
    assert "/lost/: answered 404" in err.getvalue()
    assert f"{address}/: " not in err.getvalue()


def test_a_page_is_named_after_its_path():
    assert screenshots.file_name("/r/payments-api/4.8.0/?tab=x") == "r-payments-api-4.8.0-tab-x"
    assert screenshots.file_name("/") == "home"


def test_a_page_may_be_given_a_name_of_its_own():
    assert screenshots.named("release=/r/payments-api/4.8.0/?tab=x") == ("release", "/r/payments-api/4.8.0/?tab=x")
    assert screenshots.named("/search/?q=a") == ("search-q-a", "/search/?q=a")


def test_without_a_browser_the_command_says_what_to_do(monkeypatch):
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(CommandError, match="BROWSER_PATH"):
        screenshots.chromium()


def test_root_starts_the_browser_without_its_sandbox_and_nobody_else_does(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "--no-sandbox" in screenshots.launch_flags()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "--no-sandbox" not in screenshots.launch_flags()
