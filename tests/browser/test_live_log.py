"""Where a live log stands: at its newest line, until somebody scrolls up to read."""

import pytest
from playwright.sync_api import Page

from tests.browser.test_live import deployment, seen_at, tool, watch  # noqa: F401 - the first and the third are fixtures

pytestmark = pytest.mark.browser

LONG = 60
AT_END = "() => { const log = document.querySelector('#log'); return log.scrollHeight - log.scrollTop - log.clientHeight < 24; }"


def stays_at_end(page: Page) -> bool:
    """Whether it is longer than its place and soon stands at its end."""
    page.wait_for_function(AT_END, timeout=2_000)
    return page.locator("#log").evaluate("log => log.scrollHeight > 2 * log.clientHeight")


def test_a_live_log_opens_at_its_newest_line_follows_and_lets_its_reader_look_back(seats, people, deployment, tool):  # noqa: F811
    for number in range(LONG):
        tool.say(f"line {number}")
    page = watch(seats, people.deployer, deployment)
    seen_at(page, f"line {LONG - 1}")
    page.reload()
    seen_at(page, f"line {LONG - 1}")
    assert stays_at_end(page)

    for number in range(LONG, LONG + 10):
        tool.say(f"line {number}")
    seen_at(page, f"line {LONG + 9}")
    assert stays_at_end(page)

    page.locator("#log").evaluate("log => { log.scrollTop = 0; }")
    tool.say("said while somebody looks back")
    seen_at(page, "said while somebody looks back")
    assert page.locator("#log").evaluate("log => log.scrollTop") == 0
