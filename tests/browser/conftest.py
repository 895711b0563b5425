"""People before browsers of their own, at a real site: its web server, and where they have a part worker and beat, as processes."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.journeys.conftest import people, processes, shop, slipway  # noqa: F401  the same stage as the journeys

PASSWORD = "correct horse battery"
PATIENCE_MS = 15_000


class Seats:
    """A seat for each person: a browser context of its own, signed in. What any page complains about is kept."""

    def __init__(self, new_context: Callable[..., BrowserContext], address: str, wait: Callable = lambda: None):
        """`wait()` returns when the site answers at its address; it is called before the first seat is taken."""
        self.new_context, self.address, self.wait = new_context, address, wait
        self.contexts, self.complaints = [], []

    def open(self, *, script: bool = True, theme: str = "light", width: int = 1440) -> Page:
        """A page of somebody who is not signed in."""
        if not self.contexts:
            self.wait()
        context = self.new_context(
            base_url=self.address,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        return page

    def of(self, person, password: str = PASSWORD, **how) -> Page:
        page = self.open(**how)
        sign_in(page, person.username, password)
        return page

    def _hear(self, line) -> None:
        if line.type == "error" and not line.location["url"].endswith("/favicon.ico"):
            self.complaints.append(f"{line.location['url']}: {line.text}")

    def forgive(self, words: str) -> None:
        """Take complaints off the list that a test provokes; there must be one."""
        kept = [complaint for complaint in self.complaints if words not in complaint]
        assert len(kept) < len(self.complaints), f"nobody complained about {words}"
        self.complaints[:] = kept


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)


@pytest.fixture
def seats(new_context, processes, people) -> Iterator[Seats]:  # noqa: F811
    """The room in which everybody sits. At the end no console may have shown an error, a refused script or style.

    The web server starts while the test arranges its story. Where worker and beat have a part, ask for `slipway` as well.
    """
    address = processes.start_serving()
    found = Seats(new_context, address, wait=lambda: processes.until_it_serves(address))
    yield found
    assert found.complaints == []
