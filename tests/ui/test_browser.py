"""The interface in a real Chromium: script, keys, dialogs, themes, narrow screens, accessibility. No database is asked."""

import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from playwright.sync_api import sync_playwright

from config.management.commands.screenshots import chromium, launch_flags
from portal import context
from tests.ui.gallery import QuietShell

pytestmark = pytest.mark.browser


class Silent(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def chrome():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=launch_flags())
        yield browser
        browser.close()


@pytest.fixture
def address(settings, monkeypatch):
    """The gallery on a server of its own."""
    settings.ROOT_URLCONF = "tests.ui.gallery"
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
    monkeypatch.setattr(context, "Shell", QuietShell)
    server = make_server("127.0.0.1", 0, StaticFilesHandler(WSGIHandler()), handler_class=Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def tab(chrome, address):
    """`tab(path, script=…, theme=…, width=…)`: a page of the gallery; at the end no page may have complained."""
    complaints, contexts = [], []

    def tab(path="/", *, script=True, theme="light", width=1440):
        window = chrome.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        contexts.append(window)
        page = window.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda line: complaints.append(line.text) if is_complaint(line) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + path)
        return page

    tab.complaints = complaints
    yield tab
    for window in contexts:
        window.close()
    assert complaints == []


def is_complaint(line):
    """Errors of the console, but for the icon that Chromium looks for beside answers that are no page."""
    return line.type == "error" and not line.location["url"].endswith("/favicon.ico")


def is_open(page, dialog):
    return page.evaluate("id => document.getElementById(id).open", dialog)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/?toast=1", "/?refused=1"])
def test_no_part_breaks_a_rule_of_accessibility(tab, theme, path):
    found = Axe().run(tab(path, theme=theme)).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_nothing_is_wider_than_the_screen(tab, width):
    page = tab(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_theme_changes_at_once_and_the_server_remembers_it(tab):
    page = tab()
    page.click("[data-theme-toggle]")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"


def test_the_theme_changes_without_script(tab):
    page = tab(script=False)
    page.click("[data-theme-toggle]")
    assert page.get_attribute("html", "data-theme") == "dark"


def test_g_then_i_goes_to_the_inbox(tab):
    page = tab()
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/inbox/")


def test_a_letter_typed_into_a_field_is_only_a_letter(tab):
    page = tab()
    page.fill("#id_version", "")
    page.type("#id_version", "gi?")
    assert page.input_value("#id_version") == "gi?"
    assert page.url.endswith("/")
    assert not is_open(page, "keys")


def test_keys_open_search_and_help_and_escape_closes_them(tab):
    page = tab()
    page.keyboard.press("Control+k")
    assert is_open(page, "palette")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("Escape")
    page.wait_for_selector("#palette", state="hidden")
    page.keyboard.press("?")
    assert is_open(page, "keys")


def test_a_dialog_takes_the_focus_to_its_reason_and_keep_closes_it(tab):
    page = tab()
    page.click("text=Roll back")
    assert is_open(page, "rb")
    assert page.evaluate("document.activeElement.id") == "rb-reason"
    page.click("text=Keep deploying")
    assert not is_open(page, "rb")


def test_a_dialog_can_be_answered_without_script(tab):
    page = tab(script=False)
    page.click("text=Roll back")
    page.fill("#rb-reason", "Error rate over the limit")
    page.click("text=Roll back now")
    assert page.inner_text("body") == "rolled back"


def test_an_action_that_is_off_can_be_reached_and_does_nothing(tab):
    page = tab()
    button = page.get_by_role("button", name="Start deployment")
    button.focus()
    assert button.evaluate("b => b === document.activeElement")
    button.click(force=True)
    assert page.url.endswith("/")
    assert "Ask Tomasz to test rc.3" in page.inner_text("#" + button.get_attribute("aria-describedby"))


def test_a_refused_action_shows_its_reasons_on_the_page_and_takes_the_focus(tab):
    page = tab()
    page.click("text=Lock scope")
    page.wait_for_selector("#refusals .callout")
    assert "Stale. Tomasz passed rc.2" in page.inner_text("#refusals")
    assert page.evaluate("document.activeElement.closest('#refusals') !== null")
    assert "409" in tab.complaints.pop()  # Chromium logs every answer from 400 up


def test_the_errors_of_a_form_that_came_back_have_the_focus(tab):
    page = tab("/?refused=1")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    assert page.title().startswith("Error:")
    page.click(".callout a:has-text('Version')")
    assert page.evaluate("document.activeElement.id || location.hash") in ("id_version", "#id_version")


def test_a_toast_can_be_dismissed(tab):
    page = tab("/?toast=1")
    assert "4 people were told." in page.inner_text(".toast")
    page.click("[aria-label=Dismiss]")
    assert page.locator(".toast").count() == 0


def test_the_account_menu_opens_without_script(tab):
    page = tab(script=False)
    page.click(".me")
    assert page.is_visible("#account-menu")


def test_a_narrow_screen_has_tabs_below_and_the_navigation_behind_more(tab):
    page = tab(width=390)
    assert not page.is_visible("nav.side")
    page.click(".tabbar button")
    assert page.is_visible("nav.side")
